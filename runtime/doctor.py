"""`zaitu doctor`: look at the servers and the machine, and name what is wrong together with its remedy."""

import re
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Table

from migrations.restored import RESTORE_AGAIN, damage_of_restore
from runtime.broker_probe import ProbeError, WindowReading, read_version, read_window
from runtime.stack.errors import StackError

OLDEST_MOSQUITTO = (2, 0, 21)
OLDEST_POSTGRES = 15
OLDEST_TIMESCALEDB = (2, 19)
CLOCK_SKEW_LIMIT_S = 2.0
DISK_FREE_LIMIT_BYTES = 5 * 1024**3
WORKERS_WANTED = 64
START = "start it: zaitu stack start (or the server MQTT_URL names)"


class Verdict(StrEnum):
    """How a finding is to be taken."""

    GOOD = "good"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One thing looked at; a wrong one carries its remedy."""

    subject: str
    verdict: Verdict
    found: str
    remedy: str = ""


def examine(
    database_url: Callable[[], str], mqtt_url: Callable[[], str], data_dir: Path, inflight_window: int
) -> list[Finding]:
    """Look at everything; a server that cannot be reached is a finding like any other."""
    return [
        examine_python(),
        *_of_server("broker", mqtt_url, lambda url: examine_broker(url, inflight_window)),
        *_of_server("database", database_url, examine_database),
        examine_disk(data_dir),
    ]


def examine_broker(url: str, inflight_window: int) -> list[Finding]:
    """Look at the broker's version and measure its window: acknowledging after the commit relies on both."""
    try:
        version = judge_version(read_version(url))
        return [version, *judge_window(read_window(url, inflight_window), inflight_window)]
    except ProbeError as exc:
        return [Finding("broker", Verdict.WRONG, f"not usable: {exc}", START)]


def judge_version(version: str | None) -> Finding:
    """Judge what the broker says of itself; another make than Mosquitto is judged by its window alone."""
    match = re.search(r"mosquitto version (\d+)\.(\d+)\.(\d+)", version or "")
    if match is None:
        return Finding("broker version", Verdict.NOTE, version or "not told")
    if tuple(int(part) for part in match.groups()) < OLDEST_MOSQUITTO:
        remedy = "install Mosquitto 2.0.21 or newer: older ones do not hold their window and reuse packet ids"
        return Finding("broker version", Verdict.WRONG, f"too old: {match[0]}", remedy)
    return Finding("broker version", Verdict.GOOD, match[0])


def judge_window(reading: WindowReading, expected: int) -> list[Finding]:
    """Judge a measured window: as many as configured, one more for each acknowledged, nothing dropped."""
    setting = f"set max_inflight_messages {expected}"
    if reading.held > expected or reading.released > 1:
        seen = f"{reading.held} without an ack, {reading.released} more after one"
        found = f"delivering beyond its window of {expected}: {seen}"
        window = Finding(
            "broker window",
            Verdict.WRONG,
            found,
            f"{setting} (0 and 65535 mean none) in Mosquitto 2.0.21 or newer",
        )
    elif reading.held < expected:
        found = f"{reading.held} and not {expected}, which limits throughput to that many messages a commit"
        window = Finding(
            "broker window", Verdict.WRONG, found, f"{setting}, or ZAITU_INFLIGHT_WINDOW={reading.held}"
        )
    else:
        window = Finding("broker window", Verdict.GOOD, f"{expected} messages, held")
    if reading.total < reading.sent:
        found = f"dropped {reading.sent - reading.total} of {reading.sent} messages it had accepted"
        return [window, Finding("broker queue", Verdict.WRONG, found, "set max_queued_messages 0")]
    return [window]


def examine_database(url: str) -> list[Finding]:
    """Look at the database's version, extension, settings and clock."""
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            return [
                _postgres_version(connection),
                _timescaledb(connection),
                *_restored(connection),
                _durability(connection),
                _workers(connection),
                _clock(connection),
            ]
    except psycopg.Error as exc:
        remedy = "start it: zaitu stack start (or the server DATABASE_URL names)"
        return [Finding("database", Verdict.WRONG, f"not usable: {' '.join(str(exc).split())}", remedy)]


def examine_disk(directory: Path) -> Finding:
    """Look at the room left where the data is."""
    directory = directory if directory.exists() else Path.cwd()
    free = shutil.disk_usage(directory).free
    found = f"{free / 1024**3:.1f} GiB free"
    if free < DISK_FREE_LIMIT_BYTES:
        return Finding(
            "disk", Verdict.WRONG, found, "make room: below 5 GiB the database and the broker may stop"
        )
    return Finding("disk", Verdict.GOOD, found)


def examine_python() -> Finding:
    """Name the interpreter; an older one does not get as far as this."""
    return Finding("Python", Verdict.GOOD, ".".join(str(part) for part in sys.version_info[:3]))


def show(findings: list[Finding], console: Console) -> None:
    """Print the findings as a table, remedies below each wrong one."""
    table = Table("", "what", "found and remedy", box=None, pad_edge=False)
    colours = {Verdict.GOOD: "green", Verdict.NOTE: "yellow", Verdict.WRONG: "red"}
    for finding in findings:
        text = finding.found + (f"\n→ {finding.remedy}" if finding.remedy else "")
        table.add_row(f"[{colours[finding.verdict]}]{finding.verdict}[/]", finding.subject, text)
    console.print(table)


def _of_server(subject: str, url: Callable[[], str], look: Callable[[str], list[Finding]]) -> list[Finding]:
    try:
        return look(url())
    except StackError as exc:
        return [Finding(subject, Verdict.WRONG, str(exc), "start it: zaitu stack start")]


def _postgres_version(connection: psycopg.Connection) -> Finding:
    major = connection.info.server_version // 10000
    if major < OLDEST_POSTGRES:
        remedy = f"move to PostgreSQL {OLDEST_POSTGRES} or newer"
        return Finding("PostgreSQL", Verdict.WRONG, f"too old: {major}", remedy)
    return Finding("PostgreSQL", Verdict.GOOD, f"{major}.{connection.info.server_version % 10000}")


def _timescaledb(connection: psycopg.Connection) -> Finding:
    row = connection.execute(
        "select extversion, current_setting('timescaledb.license', true) from pg_extension "
        "where extname = 'timescaledb'"
    ).fetchone()
    if row is None:
        return _no_timescaledb(connection)
    version, edition = row
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST_TIMESCALEDB:
        return Finding(
            "TimescaleDB", Verdict.WRONG, f"too old: {version}", "move to TimescaleDB 2.19 or newer"
        )
    return Finding("TimescaleDB", Verdict.GOOD, f"{version}, {edition} edition")


def _no_timescaledb(connection: psycopg.Connection) -> Finding:
    offered = connection.execute("select from pg_available_extensions where name = 'timescaledb'").fetchone()
    if offered is not None:
        return Finding(
            "TimescaleDB", Verdict.WRONG, "not yet in this database", "create the schema: zaitu migrate"
        )
    remedy = "install TimescaleDB on the server and add it to shared_preload_libraries"
    return Finding("TimescaleDB", Verdict.WRONG, "not installed on the server", remedy)


def _restored(connection: psycopg.Connection) -> list[Finding]:
    damage = damage_of_restore(connection)
    return [] if damage is None else [Finding("restore", Verdict.WRONG, damage, RESTORE_AGAIN)]


def _durability(connection: psycopg.Connection) -> Finding:
    names = ("fsync", "synchronous_commit")
    off = [name for name in names if _setting(connection, name) == "off"]
    if off:
        remedy = f"set {' and '.join(off)} on: what is acknowledged must outlive a power cut"
        return Finding("commits", Verdict.WRONG, f"not durable: {', '.join(off)} off", remedy)
    return Finding("commits", Verdict.GOOD, "durable")


def _workers(connection: psycopg.Connection) -> Finding:
    workers = int(_setting(connection, "max_worker_processes"))
    if workers < WORKERS_WANTED:
        remedy = f"set max_worker_processes {WORKERS_WANTED}: TimescaleDB takes some for every database"
        return Finding("worker processes", Verdict.NOTE, str(workers), remedy)
    return Finding("worker processes", Verdict.GOOD, str(workers))


def _clock(connection: psycopg.Connection) -> Finding:
    before = time.time()
    row = connection.execute("select extract(epoch from clock_timestamp())::double precision").fetchone()
    after = time.time()
    database_time = row[0] if row else before
    skew = max(before - database_time, database_time - after, 0.0)
    if skew > CLOCK_SKEW_LIMIT_S:
        remedy = "run NTP on both machines: times of receipt and of commit come from different clocks"
        return Finding("clock", Verdict.WRONG, f"the database's is {skew:.1f} s off this machine's", remedy)
    return Finding("clock", Verdict.GOOD, f"within {max(skew, after - before):.3f} s of the database's")


def _setting(connection: psycopg.Connection, name: str) -> str:
    row = connection.execute("select current_setting(%s)", [name]).fetchone()
    return str(row[0]) if row else ""
