"""`zaitu doctor` names what is wrong with real servers, and the remedy."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.broker_probe import WindowReading
from runtime.doctor import (
    Finding,
    Verdict,
    examine_broker,
    examine_database,
    examine_disk,
    judge_version,
    judge_window,
)
from runtime.stack.mosquitto import Broker

BrokerFactory = Callable[..., Broker]

WINDOW = 50


def by_subject(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.subject: finding for finding in findings}


def test_a_broker_that_holds_its_window_is_good(broker_factory: BrokerFactory) -> None:
    broker = broker_factory({"max_inflight_messages": str(WINDOW)})

    findings = by_subject(examine_broker(broker.url, WINDOW))

    assert {finding.verdict for finding in findings.values()} == {Verdict.GOOD}
    assert findings["broker window"].found == "50 messages, held"


def test_a_stopped_broker_is_named_with_its_remedy(broker: Broker) -> None:
    broker.stop()

    (finding,) = examine_broker(broker.url, WINDOW)

    assert finding.verdict is Verdict.WRONG
    assert "does not answer" in finding.found
    assert "zaitu stack start" in finding.remedy


def test_a_broker_without_a_window_is_delivering_beyond_it(broker_factory: BrokerFactory) -> None:
    broker = broker_factory({"max_inflight_messages": "0"})

    finding = by_subject(examine_broker(broker.url, WINDOW))["broker window"]

    assert finding.verdict is Verdict.WRONG
    assert "delivering beyond its window of 50" in finding.found
    assert "max_inflight_messages 50" in finding.remedy


def test_a_broker_that_lets_a_window_more_go_with_each_ack_is_delivering_beyond_it() -> None:
    (finding,) = judge_window(WindowReading(sent=1250, held=50, released=50, total=1250), WINDOW)

    assert finding.verdict is Verdict.WRONG
    assert "delivering beyond its window" in finding.found


def test_a_broker_with_a_smaller_window_is_told_apart(broker_factory: BrokerFactory) -> None:
    broker = broker_factory({"max_inflight_messages": "20"})

    finding = by_subject(examine_broker(broker.url, WINDOW))["broker window"]

    assert finding.verdict is Verdict.WRONG
    assert "20 and not 50" in finding.found
    assert "ZAITU_INFLIGHT_WINDOW=20" in finding.remedy


def test_a_broker_that_drops_what_it_accepted_is_named(broker_factory: BrokerFactory) -> None:
    broker = broker_factory({"max_inflight_messages": str(WINDOW), "max_queued_messages": "100"})

    finding = by_subject(examine_broker(broker.url, WINDOW))["broker queue"]

    assert finding.verdict is Verdict.WRONG
    assert re.match(r"dropped 1\d{3} of 1250 messages", finding.found)
    assert finding.remedy == "set max_queued_messages 0"


def test_a_broker_that_does_not_know_ingest_is_named(broker: Broker) -> None:
    (finding,) = examine_broker(f"mqtt://zaitu-ingest:wrong@127.0.0.1:{broker.port}", WINDOW)

    assert "does not let ingest's user in" in finding.found


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("mosquitto version 2.0.11", Verdict.WRONG),
        ("mosquitto version 1.6.12", Verdict.WRONG),
        ("mosquitto version 2.0.21", Verdict.GOOD),
        ("mosquitto version 2.1.0", Verdict.GOOD),
        (None, Verdict.NOTE),
    ],
)
def test_a_broker_too_old_is_named(said: str | None, verdict: Verdict) -> None:
    assert judge_version(said).verdict is verdict


def test_a_migrated_database_is_good_except_that_tests_trade_durability(database_url: str) -> None:
    findings = by_subject(examine_database(database_url))

    assert findings["PostgreSQL"].verdict is Verdict.GOOD
    assert findings["TimescaleDB"].verdict is Verdict.GOOD
    assert findings["TimescaleDB"].found.endswith("edition")
    assert findings["clock"].verdict is Verdict.GOOD
    if "DATABASE_URL" not in os.environ:
        assert findings["commits"].found == "not durable: fsync off"


def test_a_database_without_the_extension_is_named(empty_database_url: str) -> None:
    finding = by_subject(examine_database(empty_database_url))["TimescaleDB"]

    assert finding.verdict is Verdict.WRONG
    assert "zaitu migrate" in finding.remedy


def test_an_unreachable_database_is_named() -> None:
    (finding,) = examine_database("postgresql://nobody@127.0.0.1:1/none")

    assert finding.verdict is Verdict.WRONG
    assert "zaitu stack start" in finding.remedy


def test_a_clock_apart_is_named(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: ahead)

    finding = by_subject(examine_database(database_url))["clock"]

    assert finding.verdict is Verdict.WRONG
    assert "NTP" in finding.remedy


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(100, 99, 1))

    assert examine_disk(tmp_path).verdict is Verdict.WRONG


def test_the_command_shows_a_table_and_exits_1_when_something_is_wrong(
    broker: Broker, database_url: str
) -> None:
    broker.stop()
    environment = {**os.environ, "MQTT_URL": broker.url, "DATABASE_URL": database_url}
    ended = subprocess.run(
        [sys.executable, "-m", "runtime.cli", "doctor"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert "wrong  broker" in " ".join(ended.stdout.split("\n"))
    assert "zaitu stack start" in ended.stdout
    assert ended.stderr == ""
