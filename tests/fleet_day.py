"""One day of a fleet: the company, its facts, and what a clerk puts right about it while they come in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from company import Company, circle, fix, north, scan, utc
from psycopg.types.json import Jsonb

START = utc("2026-11-20T08:00:00")
NOW = utc("2026-11-20T20:00:00")
HORIZON = timedelta(days=7)
VEHICLES = 50
SWAPPED = (0, 1)
SWAPPED_AT = START + timedelta(minutes=9)
WIDENED_AT = START + timedelta(minutes=15)
_LONG_AGO = START - timedelta(days=30)
_PLACES = {"origin": 0.0, "hub": 3_000.0, "destination": 6_000.0}
_APPROACH_M = {"destination": 1_000.0}
# In Shanghai; the trucks have parked before and stay on.
_YARD_HOURS = [{"days": ["fri"], "from": "17:00", "to": "19:00"}]
YARD_OPENS, YARD_CLOSES = utc("2026-11-20T09:00:00"), utc("2026-11-20T11:00:00")


@dataclass(frozen=True, slots=True)
class Fact:
    """An item on a topic, with the time it was first received, which is part of it."""

    topic: str
    item: dict[str, Any]
    received_at: datetime = NOW

    @property
    def at_ms(self) -> int:
        """Its device time."""
        return int(self.item["ts"])


def found_company(company: Company, vehicles: int) -> None:
    """Trucks, each with a tracker, a trip over the same three fences, and an order of two packages."""
    depot = company.depot()
    fences = {
        kind: company.fence(depot, kind, circle(at, 250), _LONG_AGO, approach_m=_APPROACH_M.get(kind))
        for kind, at in _PLACES.items()
    }
    company.fence(depot, "weighbridge", circle(1_500.0, 150), _LONG_AGO)
    company.fence(depot, "yard", circle(6_000.0, 400), _LONG_AGO, schedule=_YARD_HOURS)
    company.device(depot, "scn-1", kind="scanner")
    for number in range(vehicles):
        vehicle = company.vehicle(depot, f"V{number}")
        company.assign(company.device(depot, f"trk-{number}"), vehicle, _LONG_AGO)
        stops = [(kind, fences[kind], at) for kind, at in _PLACES.items()]
        company.trip(depot, vehicle, START - timedelta(hours=1), stops)
        codes = [f"P{number}-a", f"P{number}-b"]
        company.order(depot, START - timedelta(hours=3), list(fences.items()), codes)


def swap_trackers(company: Company) -> None:
    """From a time on, two trackers ride on each other's vehicle."""
    first, second = (
        company.rows(
            "select device_id, vehicle_id from device join device_assignment using (device_id) "
            "where device.name = %s",
            f"trk-{number}",
        )[0]
        for number in SWAPPED
    )
    company.connection.execute(
        "update device_assignment set period = tstzrange(lower(period), %s) where device_id = any(%s)",
        [SWAPPED_AT, [first[0], second[0]]],
    )
    company.assign(first[0], second[1], SWAPPED_AT)
    company.assign(second[0], first[1], SWAPPED_AT)


def widen_weighbridge(company: Company) -> None:
    """A second version of a fence, valid since a time of the day."""
    fence = company.value("select geofence_id from geofence where name = 'weighbridge'")
    company.connection.execute(
        "update geofence_version set valid = tstzrange(lower(valid), %s) where geofence_id = %s",
        [WIDENED_AT, fence],
    )
    company.connection.execute(
        "insert into geofence_version (geofence_id, version, valid, geometry) "
        "values (%s, 2, tstzrange(%s, null), %s)",
        [fence, WIDENED_AT, Jsonb(circle(1_600.0, 400))],
    )
    company.tell("geofence", fence)


def day_of_facts(vehicles: int) -> list[Fact]:
    """Every truck's day, in order of device time."""
    facts = [fact for number in range(vehicles) for fact in _day_of(number)]
    return sorted(facts, key=lambda fact: (fact.at_ms, fact.topic))


def _day_of(number: int) -> list[Fact]:
    """A truck waits, drives to the hub, waits, goes on and parks; with scans, and fixes of every odd kind."""
    topic, start = f"trk-{number}/gps", START + timedelta(minutes=number % 20)
    way = [0.0] * 4 + [200.0 * step for step in range(1, 16)] + [3_000.0] * 6
    way += [3_000.0 + 250.0 * step for step in range(1, 13)] + [6_000.0] * 4
    facts = [
        Fact(topic, fix(start + timedelta(seconds=30 * step), metres + 3.0 * (step % 3), seq=step))
        for step, metres in enumerate(way)
    ]
    parked_at = start + timedelta(seconds=30 * len(way))
    facts += [
        Fact(topic, fix(parked_at + timedelta(minutes=20 * step), 6_000.0 + 5.0 * (step % 2), seq=100 + step))
        for step in range(1, 30 - number % 20)
    ]
    return facts + _odd_fixes(number, start) + _too_late_and_just_not(number) + _scans(number, start)


def _odd_fixes(number: int, start: datetime) -> list[Fact]:
    """Two fixes of one time, and a jump to a place 900 km off, on the way and as the day's last."""
    topic = f"trk-{number}/gps"
    jumps = [start + timedelta(seconds=30 * 12 + 5), NOW - timedelta(seconds=number)]
    return [
        Fact(topic, fix(start + timedelta(seconds=300), 800.0, seq=900)),
        *(
            Fact(topic, {**fix(at, 0.0, seq=901 + place), "lat": north(900_000)})
            for place, at in enumerate(jumps)
        ),
    ]


def _too_late_and_just_not(number: int) -> list[Fact]:
    """A week ago: inside the weighbridge too late for the fold, at the origin just in time; by receipt."""
    topic = f"trk-{number}/gps"
    just, earlier = NOW - HORIZON, NOW - timedelta(hours=2)
    return [
        Fact(topic, fix(just - timedelta(minutes=50), 1_500.0, seq=910)),
        Fact(topic, fix(just - timedelta(minutes=40), 0.0, seq=911), earlier),
        Fact(topic, fix(just - timedelta(minutes=10), 0.0, seq=912), earlier),
        Fact(topic, fix(just - timedelta(seconds=1), 1_500.0, seq=913)),
        Fact(topic, fix(just, 900.0, seq=914)),
    ]


def _scans(number: int, start: datetime) -> list[Fact]:
    """Both packages loaded and delivered; one delivery said again and taken back."""
    topic, spoken = "scn-1/scan", f"P{number}-b"
    facts = []
    for package, loaded_s in (("a", 100), ("b", 110)):
        code, loaded_at = f"P{number}-{package}", start + timedelta(seconds=loaded_s)
        facts.append(Fact(topic, scan(loaded_at, code, "load", vehicle=f"V{number}")))
        facts.append(Fact(topic, scan(start + timedelta(minutes=40), code, "deliver")))
    facts.append(Fact(topic, scan(start + timedelta(minutes=41), spoken, "deliver", reason="x")))
    facts.append(Fact(topic, scan(start + timedelta(minutes=42), spoken, "void")))
    return facts
