"""The machine-readable contract is a valid AsyncAPI document and says what the code and the samples say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from domain.facts import Action, Kind
from ingest.formats.fields import FIELDS

GOLDEN = Path(__file__).parent
DOCUMENT = GOLDEN.parents[1] / "docs" / "asyncapi.yaml"
CONTRACT: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))
LIST = json.loads((GOLDEN / "zaitu/cases.json").read_text(encoding="utf-8"))
CASES: list[dict[str, Any]] = LIST["cases"]
MESSAGES = {
    "gps": "fixes",
    "scan": "scans",
    "telemetry": "readings",
    "status": "statuses",
    "cmd_ack": "commandAck",
}
SCHEMAS = {
    Kind.GPS: "fix",
    Kind.SCAN: "scan",
    Kind.TELEMETRY: "reading",
    Kind.STATUS: "status",
    Kind.CMD_ACK: "commandAck",
}


def complaints(schema: Path, *documents: Path) -> str:
    """What check-jsonschema finds wrong with the documents; empty when nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--schemafile", str(schema), *map(str, documents)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stdout + done.stderr


def payload_schema(folder: Path, message: str) -> Path:
    """The schema of a message's payload, as a file of its own."""
    schema = folder / f"{message}.json"
    pointer = f"#/components/messages/{message}/payload"
    schema.write_text(json.dumps({"$ref": pointer, "components": CONTRACT["components"]}), encoding="utf-8")
    return schema


def references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for value in node.values() for found in references(value)]
    if isinstance(node, list):
        return [found for value in node for found in references(value)]
    return []


def test_the_document_is_valid_asyncapi() -> None:
    assert complaints(GOLDEN / "asyncapi/3.0.0.json", DOCUMENT) == ""


def test_a_document_with_a_fault_is_not(tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt.json"
    spoilt.write_text(json.dumps({**CONTRACT, "operations": {"send": {"action": "shout"}}}), encoding="utf-8")

    assert complaints(GOLDEN / "asyncapi/3.0.0.json", spoilt)


def test_every_reference_leads_somewhere() -> None:
    found = references(CONTRACT)

    assert found
    for reference in found:
        node: Any = CONTRACT
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


@pytest.mark.parametrize("topic", sorted(MESSAGES))
def test_every_good_sample_is_a_payload_of_its_message(topic: str, tmp_path: Path) -> None:
    good = [
        GOLDEN / "zaitu" / case["file"]
        for case in CASES
        if case["topic"].replace("/", "_") == topic and case["file"].endswith(".json")
        and not case.get("rejected") and case["facts"]
    ]  # fmt: skip

    assert good
    assert complaints(payload_schema(tmp_path, MESSAGES[topic]), *good) == ""


@pytest.mark.parametrize("message", ["receipt", "scanAnswer"])
def test_what_ingest_says_to_devices_is_a_message_of_the_contract(message: str, tmp_path: Path) -> None:
    said = {
        "receipt": {"type": "receipt", "topic": "gps", "from_seq": 1830, "seq": 1841},
        "scanAnswer": {"type": "scan_answer", "scan_id": "S-1", "result": "rejected", "reason": "wrong_type"},
    }
    sample = tmp_path / "sample.json"
    sample.write_text(json.dumps(said[message]), encoding="utf-8")

    assert complaints(payload_schema(tmp_path, message), sample) == ""


@pytest.mark.parametrize("kind", list(Kind))
def test_the_contract_has_exactly_the_fields_that_are_read(kind: Kind) -> None:
    schema = CONTRACT["components"]["schemas"][SCHEMAS[kind]]

    assert set(schema["properties"]) == set(FIELDS[kind])
    required = {name for name, field in FIELDS[kind].items() if getattr(field, "required", True)}
    assert set(schema["required"]) == required


def test_the_contract_has_exactly_the_actions_there_are() -> None:
    actions = CONTRACT["components"]["schemas"]["scan"]["properties"]["action"]["enum"]

    assert set(actions) == {action.value for action in Action}
