"""Real buses through the real path: eight recorded traces replayed over the broker, depots as geofences.

Every row labelled AT_BASE must lie within an enter (or the initial state) and its exit of a depot.
"""

from __future__ import annotations

import csv
import json
import os
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
import shapely
from company import Company
from ingest_process import ROOT, IngestRunner, wait_until

from runtime.stack.mosquitto import Broker
from simulators import replay

REALDATA = Path(os.environ.get("ZAITU_REALDATA", ROOT.parent / "shared" / "realdata")) / "oba_b63"
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not REALDATA.is_dir(), reason="the real data folder (ZAITU_REALDATA) is not here"),
]
ZONE = ZoneInfo("America/New_York")
WITHIN_S = 1.0


@dataclass(frozen=True)
class Row:
    """A labelled row of a trace, at its time as replayed."""

    device: str
    at: datetime
    lat: float
    lon: float
    phase: str


def traces() -> list[Path]:
    return sorted((REALDATA / "traces").glob("*.csv"))


def depots() -> dict[str, dict[str, Any]]:
    with (REALDATA / "BaseLocations.txt").open(newline="") as file:
        return {row["base_name"]: geojson(row["geometry"]) for row in csv.DictReader(file)}


def geojson(wkt: str) -> dict[str, Any]:
    geometry: dict[str, Any] = json.loads(shapely.to_geojson(shapely.from_wkt(wkt)))
    return geometry


def device_of(path: Path) -> str:
    return "b63-" + path.stem


def labelled_rows(shifts: dict[str, float]) -> Iterator[Row]:
    for path in traces():
        device = device_of(path)
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                recorded = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=ZONE)
                at = recorded.astimezone(UTC) + timedelta(seconds=shifts[device])
                yield Row(device, at, float(row["lat"]), float(row["lon"]), row["actual_phase"])


def stays(company: Company) -> dict[str, list[tuple[datetime, datetime]]]:
    """Each device's stays in depots, from its current crossings."""
    found: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    entered: dict[tuple[str, int], datetime] = {}
    crossings = company.rows(
        "select vehicle.label, geofence_id, crossing.kind, at from crossing join vehicle using (vehicle_id) "
        "where superseded_at is null order by at"
    )
    for label, fence, kind, at in crossings:
        if kind == "exit":
            found[label].append((entered.pop((label, fence)), at))
        else:
            assert (label, fence) not in entered, "two enters without an exit"
            entered[label, fence] = at
    for (label, _), at in entered.items():
        found[label].append((at, datetime(9999, 1, 1, tzinfo=UTC)))
    return {label: sorted(own) for label, own in found.items()}


def is_within(at: datetime, own: list[tuple[datetime, datetime]]) -> bool:
    tolerance = timedelta(seconds=WITHIN_S)
    place = bisect_right(own, at + tolerance, key=lambda stay: stay[0])
    return any(start - tolerance <= at <= end + tolerance for start, end in own[:place])


def found(company: Company) -> None:
    """The depots as geofences, and a vehicle for each trace."""
    depot = company.depot()
    long_ago = datetime.now(UTC) - timedelta(days=30)
    for name, geometry in depots().items():
        company.fence(depot, name, geometry, long_ago)
    for path in traces():
        name = device_of(path)
        company.assign(company.device(depot, name), company.vehicle(depot, name), long_ago)


def replayed(broker: Broker, report: Path, speed: str) -> dict[str, Any]:
    """Replay all traces, and what the replay says of that."""
    options = ["--mqtt-url", broker.simulator_url, "--no-register", "--zone", "America/New_York"]
    options += ["--speed", speed, "--device-prefix", "b63-", "--report", str(report)]
    with pytest.raises(SystemExit) as ended:
        replay.main([*map(str, traces()), *options])
    assert ended.value.code == 0
    said: dict[str, Any] = json.loads(report.read_text())
    return said


def test_rows_labelled_at_base_lie_within_an_enter_and_its_exit(
    broker: Broker, company: Company, ingest: IngestRunner, tmp_path: Path, record_property: Any
) -> None:
    found(company)
    ingest.start(broker)
    ingest.wait_subscribed()
    sent = replayed(broker, tmp_path / "replay.json", "max")

    def accounted() -> dict[str, int]:
        kept = {"stored": "count(*) from position", "quarantined": "count(*) from quarantine"}
        kept["rejected"] = "coalesce(sum(times), 0) from rejected"
        return {name: int(company.value(f"select {what}")) for name, what in kept.items()}

    rows = list(labelled_rows({name: device["shift_s"] for name, device in sent["devices"].items()}))
    assert (sent["complete"], sent["facts"], sent["unreadable"]) == (True, len(rows), {})
    # No row is another's duplicate: all must be found again.
    wait_until(lambda: sum(accounted().values()) == len(rows), "every row to be kept")
    at_base = [row for row in rows if row.phase == "AT_BASE"]
    own_stays = stays(company)
    outside = [row for row in at_base if not is_within(row.at, own_stays.get(row.device, []))]

    record_property("rows", len(rows))
    record_property("kept", accounted())
    record_property("at_base", len(at_base))
    assert len(at_base) > 0
    assert outside == []


POSITIONS = "select device_id, device_time, content_hash, lat, lon from position order by 1, 2, 3"


def test_killing_ingest_in_mid_replay_gives_what_an_undisturbed_run_gives(
    broker: Broker,
    company: Company,
    ingest: IngestRunner,
    another_database: Callable[[], AbstractContextManager[str]],
    tmp_path: Path,
    request: pytest.FixtureRequest,
    record_property: Any,
) -> None:
    with another_database() as url, psycopg.connect(url, autocommit=True) as connection:
        undisturbed = Company(connection)
        found(company)
        found(undisturbed)
        (tmp_path / "calm").mkdir()
        calm = IngestRunner(url, tmp_path / "calm")
        request.addfinalizer(calm.close)
        # Both hear the same replay, each in a session of its own.
        calm.start(broker, ZAITU_MQTT_CLIENT_ID="calm")
        calm.wait_subscribed()
        process = ingest.start(broker, ZAITU_BATCH_MESSAGES="50")
        ingest.wait_subscribed()

        def kill_thrice() -> None:
            killed = process
            for at_least in (300, 700, 1_100):
                wait_until(partial(has_stored, company, at_least), f"{at_least} rows")
                ingest.kill(killed)
                killed = ingest.start(broker, ZAITU_BATCH_MESSAGES="50")

        with ThreadPoolExecutor(1) as pool:
            killing = pool.submit(kill_thrice)
            sent = replayed(broker, tmp_path / "replay.json", "1500")
            killing.result()

        for told in (company, undisturbed):
            wait_until(partial(has_stored, told, sent["facts"]), "every row")
        assert company.rows(POSITIONS) == undisturbed.rows(POSITIONS)
        assert company.canonical() == undisturbed.canonical()
    crossings = company.canonical()["crossings"]
    record_property("rows", sent["facts"])
    record_property("crossings", len(crossings))
    assert crossings


def has_stored(company: Company, count: int) -> bool:
    return bool(company.value("select count(*) from position") >= count)
