"""`zaitu demo` as people run it: a fleet seen through, everything accounted for, and a clean end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from runtime.stack.account import server_account
from runtime.stack.embedded import EmbeddedStack
from runtime.stack.loopback import wait_until

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    "messages",
    "fixes",
    "duplicates",
    "rejected",
    "quarantined",
    "crossings",
    "milestones",
    "alerts",
    "lag_p50_ms",
    "lag_p99_ms",
    "lost",
}
# Demos of other runs of these tests may have taken the usual ones.
FREE_PORTS = dict.fromkeys(
    (
        "ZAITU_API_PORT",
        "ZAITU_DEVICE_HTTP_PORT",
        "ZAITU_INGEST_METRICS_PORT",
        "ZAITU_WATCH_METRICS_PORT",
    ),
    "0",
)
SERVICES = ("ingest", "watch", "api")
PATIENCE_S = 240
# One worker runs them all, on one cluster; under load a demo takes minutes to start.
pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.lasts(45), pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def data_dir(test_stack: Path) -> Iterator[Path]:
    """A data directory of these tests' own: one demo after another finds its servers in it."""
    server_account().own_directory(test_stack / "demos")
    directory = test_stack / "demos" / uuid.uuid4().hex
    directory.mkdir()
    yield directory
    EmbeddedStack(directory).stop()
    shutil.rmtree(directory)


class Demo:
    """A running `zaitu demo`, with what it writes kept in a file."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        self.output = data_dir / "demo.out"
        settings = {name: value for name, value in os.environ.items() if not _is_setting(name)}
        with self.output.open("w") as output:
            self.process = psutil.Popen(
                [sys.executable, "-m", "runtime.cli", "demo", "--vehicles=14", *options],
                cwd=ROOT,
                env={**settings, "ZAITU_DATA_DIR": str(data_dir), **FREE_PORTS},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_to_show(self, *what: str) -> None:
        """Wait until it shows that there are some of each."""
        assert wait_until(lambda: self._shows(what) or self.process.poll() is not None, PATIENCE_S)
        assert self._shows(what), self.said()

    def _shows(self, what: tuple[str, ...]) -> bool:
        return all(re.search(rf"\b[1-9]\d* {name}", self.said()) for name in what)

    def child(self, module: str) -> psutil.Process:
        """The process that runs a module for it."""
        [found] = [child for child in self.process.children() if child.cmdline()[1:] == ["-m", module]]
        return found

    def end(self) -> int:
        """Wait for its exit status."""
        return int(self.process.wait(PATIENCE_S))

    def said(self) -> str:
        return self.output.read_text()


def _is_setting(name: str) -> bool:
    return name.startswith("ZAITU_") or name in ("DATABASE_URL", "MQTT_URL")


def servers(data_dir: Path) -> tuple[int, int]:
    stack = EmbeddedStack(data_dir)
    postmaster = (stack.postgres.directory / "data" / "postmaster.pid").read_text().splitlines()[0]
    return int(postmaster), int((stack.broker.directory / "mosquitto.pid").read_text())


def errors(data_dir: Path) -> list[str]:
    lines = [line for name in SERVICES for line in (data_dir / "log" / f"{name}.log").open()]
    return [line for line in lines if json.loads(line)["level"] in ("error", "critical")]


def summary(data_dir: Path) -> dict[str, float]:
    written: dict[str, float] = json.loads((data_dir / "demo-summary.json").read_text())
    return written


def test_a_demo_ends_by_itself_with_everything_accounted_for_and_allows_no_other_beside_it(
    data_dir: Path,
) -> None:
    demo = Demo(data_dir, "--seconds", "3")
    assert wait_until(lambda: "Preparing" in demo.said(), PATIENCE_S)

    second = subprocess.run(
        [sys.executable, "-m", "runtime.cli", "demo"],
        cwd=ROOT,
        env={**os.environ, "ZAITU_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert (second.returncode, "already runs" in second.stderr) == (1, True)
    assert demo.end() == 0, demo.said()
    figures = summary(data_dir)
    assert figures.keys() == KEYS
    assert figures["lost"] == 0
    assert min(figures["messages"], figures["fixes"]) > 0
    assert errors(data_dir) == []
    assert "/track/" in demo.said()
    assert "\x1b" not in demo.said()


def test_a_second_demo_finds_the_servers_of_the_first_and_an_empty_database_and_ends_on_ctrl_c(
    data_dir: Path,
) -> None:
    stack = EmbeddedStack(data_dir)
    stack.start_database()
    stack.start_broker()
    before = servers(data_dir)
    demo = Demo(data_dir)
    demo.wait_to_show("fixes", "crossings", "milestones", "alerts raised")
    children = demo.process.children()

    demo.process.send_signal(signal.SIGINT)

    assert demo.end() == 0, demo.said()
    figures = summary(data_dir)
    assert figures["lost"] == 0
    assert min(figures[name] for name in ("messages", "fixes", "crossings", "milestones", "alerts")) > 0
    assert 0 < figures["lag_p50_ms"] <= figures["lag_p99_ms"]
    assert errors(data_dir) == []
    assert servers(data_dir) == before
    assert not [child for child in children if child.is_running()]
    url = stack.postgres.url.removesuffix("/zaitu") + "/zaitu_demo"
    with psycopg.connect(url) as connection:
        assert connection.execute("select count(*) from depot").fetchone() == (1,)


def test_a_process_that_dies_ends_the_demo_and_is_named(data_dir: Path) -> None:
    demo = Demo(data_dir)
    demo.wait_to_show("fixes")
    children = demo.process.children()

    demo.child("ingest").kill()

    assert demo.end() == 1
    assert "ingest ended by SIGKILL" in demo.said()
    assert '"event": "subscribed"' in demo.said()
    assert not [child for child in children if child.is_running()]
    assert not (data_dir / "demo-summary.json").exists()
