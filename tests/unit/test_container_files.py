"""The files for Docker users fit the schema, the program and the set-up; no engine is needed to see it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, object]]:
    loaded: dict[str, dict[str, dict[str, object]]] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return loaded["services"]


def test_the_compose_file_fits_the_compose_schema() -> None:
    check = Path(sys.executable).with_name("check-jsonschema")
    checked = subprocess.run(
        [check, "--builtin-schema", "vendor.compose-spec", COMPOSE],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("service", ["migrate", "ingest", "watch", "api"])
def test_each_service_is_a_command_of_the_program(
    services: dict[str, dict[str, object]], service: str
) -> None:
    assert services[service]["command"] == [service]
    asked = subprocess.run(
        [sys.executable, "-m", "runtime.cli", service, "--help"], capture_output=True, check=False
    )
    assert asked.returncode == 0


@pytest.mark.parametrize(("service", "oldest"), [("database", (2, 29, 2)), ("broker", (2, 0, 21))])
def test_the_servers_are_new_enough(
    services: dict[str, dict[str, object]], service: str, oldest: tuple[int, ...]
) -> None:
    version = re.search(r":(\d+)\.(\d+)\.(\d+)", str(services[service]["image"]))

    assert version is not None
    assert tuple(int(part) for part in version.groups()) >= oldest


def test_every_variable_it_asks_for_is_explained() -> None:
    asked = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text(encoding="utf-8")))
    explained = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))

    assert asked == explained


def test_every_file_it_mounts_is_in_the_checkout() -> None:
    mounted = re.findall(r"- (\./[^:]+):", COMPOSE.read_text(encoding="utf-8"))

    assert mounted
    assert [path for path in mounted if not (ROOT / path).is_file()] == []


def test_the_image_is_set_up_by_the_script_of_make_setup() -> None:
    assert "RUN scripts/setup.sh --without-servers" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "@scripts/setup.sh" in (ROOT / "Makefile").read_text(encoding="utf-8")
