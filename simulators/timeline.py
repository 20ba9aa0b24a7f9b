"""The facts of a trip, in order: what its tracker and the scanners along its way report, and when."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import NamedTuple

from simulators.roads import moved
from simulators.scenario import Order, Scenario, Trip
from simulators.sites import Site

_READING_EVERY_S = 60.0
_STANDING_MPS = 0.6
# A tracker that must store its fixes takes fewer.
_STORED_INTERVAL_S = 10.0
# Picking begins this long before the truck leaves; later rounds have only the truck's pause.
_FIRST_LEAD_S = 2400.0
_LEAD_S = 220.0


class Fact(NamedTuple):
    """One report: seconds since the run began, device, topic, and the fields besides `ts` and `seq`."""

    at_s: float
    device: str
    topic: str
    fields: dict[str, object]


class _Receiver:
    """A GPS receiver whose error wanders: each is mostly the one before (first-order autoregression)."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._sigma_m = rng.uniform(2.0, 5.0)
        self._east_m = rng.gauss(0, self._sigma_m)
        self._north_m = rng.gauss(0, self._sigma_m)

    def error_m(self, elapsed_s: float) -> tuple[float, float]:
        """Error to the east and north, and it moves on by the time since the last fix."""
        kept = math.exp(-elapsed_s / 30.0)
        fresh = math.sqrt(1 - kept * kept) * self._sigma_m
        self._east_m = kept * self._east_m + self._rng.gauss(0, fresh)
        self._north_m = kept * self._north_m + self._rng.gauss(0, fresh)
        return self._east_m, self._north_m

    def accuracy_m(self) -> float:
        """What the receiver believes of itself: near its real 68 % radius."""
        return round(self._sigma_m * 1.5 * self._rng.uniform(0.8, 1.4), 1)


def _fixes(trip: Trip, interval_s: float, rng: random.Random) -> Iterator[Fact]:
    receiver = _Receiver(rng)
    alt_m = rng.uniform(3, 12)
    phase_s = rng.randrange(1000) / 1000
    due_s = 0.0
    for sample in trip.drive.samples:
        if sample.at_s < due_s:
            continue
        step_s = interval_s if trip.began_s + sample.at_s >= 0 else max(interval_s, _STORED_INTERVAL_S)
        due_s = sample.at_s + step_s
        east_m, north_m = receiver.error_m(step_s)
        point = moved(trip.route.point_at(sample.distance_m), east_m, north_m)
        fields: dict[str, object] = {
            "lat": round(point.lat, 6),
            "lon": round(point.lon, 6),
            "alt_m": round(alt_m + rng.gauss(0, 1.5), 1),
            "speed_mps": round(max(0.0, sample.speed_mps + rng.gauss(0, 0.2)), 2),
            "accuracy_m": receiver.accuracy_m(),
        }
        if sample.speed_mps > _STANDING_MPS:
            heading = trip.route.heading_at(sample.distance_m) + rng.gauss(0, 2.5)
            fields["heading_deg"] = round(heading % 360, 1)
        yield Fact(trip.began_s + sample.at_s + phase_s, trip.vehicle.tracker, "gps", fields)


def _readings(trip: Trip, rng: random.Random) -> Iterator[Fact]:
    cargo_c, fuel_pct = rng.uniform(2, 6), rng.uniform(50, 95)
    count = int(trip.drive.end_s / _READING_EVERY_S)
    for number in range(count):
        cargo_c += rng.gauss(0, 0.1) + 0.05 * (4 - cargo_c)
        fuel_pct -= 0.15
        readings = {"cargo_temperature_c": round(cargo_c, 1), "fuel_pct": round(fuel_pct, 1)}
        at_s = trip.began_s + (number + 0.5) * _READING_EVERY_S
        yield Fact(at_s, trip.vehicle.tracker, "telemetry", {"readings": readings})


def _status(trip: Trip, rng: random.Random) -> Iterator[Fact]:
    fields: dict[str, object] = {
        "state": "online",
        "battery_pct": rng.randint(60, 100),
        "signal_dbm": rng.randint(-105, -65),
        "firmware": "sim-1.0",
    }
    yield Fact(trip.began_s, trip.vehicle.tracker, "status", fields)


class _Clerk:
    """Whoever holds a scanner at a place: makes the scans there."""

    def __init__(self, device: str, operator: str, site: Site) -> None:
        self._device = device
        self._operator = operator
        self._site = site

    def scan(self, at_s: float, action: str, code: str, **more: str) -> Fact:
        """Scan one package; `at_s` counts from the beginning of the run."""
        fields: dict[str, object] = {
            "scan_id": f"{code}-{action}",
            "code": code,
            "action": action,
            "operator": self._operator,
            "lat": round(self._site.point.lat, 6),
            "lon": round(self._site.point.lon, 6),
            **more,
        }
        return Fact(at_s, self._device, "scan", fields)


def _order_scans(scenario: Scenario, trip: Trip, order: Order, rng: random.Random) -> Iterator[Fact]:
    origin, hub, destination = (stop.site for stop in trip.stops)
    vehicle = trip.vehicle
    warehouse = _Clerk(scenario.site_scanner(origin), f"op-{origin.town}", origin)
    dock = _Clerk(scenario.site_scanner(hub), f"op-{hub.town}", hub)
    driver_at_hub = _Clerk(vehicle.scanner, vehicle.driver, hub)
    driver = _Clerk(vehicle.scanner, vehicle.driver, destination)
    left_origin_s, left_hub_s, _ = (trip.began_s + at_s for at_s in trip.drive.departures_s)
    _, at_hub_s, at_destination_s = (trip.began_s + at_s for at_s in trip.drive.arrivals_s)
    on = {"vehicle": vehicle.label}
    lead_s = _FIRST_LEAD_S if trip.round_number == 0 else _LEAD_S
    for place, code in enumerate(order.package_codes):
        lag_s = 4.0 * place + rng.uniform(0, 3)
        yield warehouse.scan(left_origin_s - lead_s + lag_s, "pick", code)
        yield warehouse.scan(left_origin_s - lead_s / 2 + lag_s, "pack", code)
        yield warehouse.scan(left_origin_s - 45 + lag_s, "load", code, **on)
        yield dock.scan(at_hub_s + 10 + lag_s, "hub_in", code)
        yield dock.scan(at_hub_s + 25 + lag_s, "unload", code, **on)
        yield dock.scan(left_hub_s - 60 + lag_s, "load", code, **on)
        yield dock.scan(left_hub_s - 40 + lag_s, "hub_out", code)
        yield driver_at_hub.scan(left_hub_s - 20 + lag_s, "out_for_delivery", code, **on)
        yield driver.scan(at_destination_s + 12 + lag_s, "deliver", code, signed_by="收货人", **on)


def facts_of(scenario: Scenario, trip: Trip, interval_s: float) -> list[Fact]:
    """Everything reported about a trip, by time; a vehicle that fell silent reports nothing after that."""
    rng = random.Random(f"{scenario.seed}/{trip.vehicle.number}/{trip.round_number}/facts")
    facts = [*_status(trip, rng), *_fixes(trip, interval_s, rng), *_readings(trip, rng)]
    for order in trip.orders:
        facts.extend(_order_scans(scenario, trip, order, rng))
    facts.sort(key=lambda fact: (fact.at_s, fact.device, fact.topic))
    end_s = trip.vehicle.silent_after_s
    return facts if end_s is None else [fact for fact in facts if fact.at_s < end_s]
