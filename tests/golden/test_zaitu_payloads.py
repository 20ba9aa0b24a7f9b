"""Every sample payload of our own wire format meets the end that its list says."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from domain.facts import Kind, clock_fault
from ingest.formats.zaitu import WHOLE, Decoded, decode

SAMPLES = Path(__file__).parent / "zaitu"
LIST = json.loads((SAMPLES / "cases.json").read_text(encoding="utf-8"))
RECEIVED_AT = datetime.fromisoformat(LIST["received_at"])
CASES: list[dict[str, Any]] = LIST["cases"]


def decoded(file: str) -> Decoded:
    kind = Kind(file.split("/")[0])
    return decode(kind, (SAMPLES / file).read_bytes(), LIST["device"], "wgs84", RECEIVED_AT)


def file_of(case: dict[str, Any]) -> str:
    return str(case["file"])


@pytest.mark.parametrize("case", CASES, ids=file_of)
def test_a_sample_meets_the_end_its_list_says(case: dict[str, Any]) -> None:
    result = decoded(case["file"])

    faulty = [fact for _, fact in result.facts if clock_fault(fact.stamp.device_time, RECEIVED_AT)]
    refusals = [
        {"item": None if place == WHOLE else place, "reason": refusal.reason}
        for place, refusal in result.refusals
    ]
    assert refusals == case.get("rejected", [])
    assert len(faulty) == case.get("quarantined", 0)
    assert len(result.facts) - len(faulty) == case["facts"]


@pytest.mark.parametrize("case", [case for case in CASES if "same_as" in case], ids=file_of)
def test_encoding_order_and_arrays_make_no_other_fact(case: dict[str, Any]) -> None:
    identities = [
        [(fact.stamp.device_time, fact.stamp.content_hash) for _, fact in decoded(file).facts]
        for file in (case["file"], case["same_as"])
    ]

    assert identities[0] == identities[1]


def test_every_sample_is_on_the_list() -> None:
    listed = {case["file"] for case in CASES}
    files = {
        str(path.relative_to(SAMPLES))
        for path in SAMPLES.rglob("*")
        if path.is_file() and path.suffix in (".json", ".msgpack") and path.name != "cases.json"
    }

    assert files == listed
