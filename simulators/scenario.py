"""What exists in a run: vehicles, trips, orders and packages, all drawn from one seed.

Device times must be real times and speeds real speeds, so nothing is played faster. Instead each truck is met
at the moment of its trip that gives the first minute something to show (`Opening`); what it did before then
is sent first, as a stored-up backlog, the way a tracker does after a dead zone.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from simulators.motion import Drive, Halt, drive, nominal_s
from simulators.roads import Polyline
from simulators.sites import CITY_LINES, LONG_LINES, SHORT_LINES, Line, Site, route_between

_PAUSE_S = 240.0
_LOADING_S = 600.0
_SILENT_FOR_S = 1200.0


class Opening(StrEnum):
    """What a vehicle is about to do when the run begins."""

    DEPARTING = "departing"
    REACHING_HUB = "reaching_hub"
    DELIVERING = "delivering"
    LATE = "late"
    SILENT = "silent"
    AT_RISK = "at_risk"
    CRUISING = "cruising"
    LEAVING_HUB = "leaving_hub"


_OPENINGS = tuple(Opening)
_EVENTFUL = (Opening.DELIVERING, Opening.REACHING_HUB, Opening.DEPARTING, Opening.LEAVING_HUB)
_IN_THE_CITY = (
    Opening.CRUISING, Opening.DELIVERING, Opening.AT_RISK, Opening.DEPARTING, Opening.CRUISING,
    Opening.REACHING_HUB, Opening.LEAVING_HUB,
)  # fmt: skip
_CITY_FROM = 14
"""Beyond so many vehicles, the others drive in and around one city."""

_ON_LAST_LEG = {Opening.LATE: 0.4, Opening.SILENT: 0.9, Opening.AT_RISK: 0.3, Opening.CRUISING: 0.5}


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A truck with its tracker and its driver's scanner; the two are device names."""

    number: int
    label: str
    tracker: str
    scanner: str
    driver: str
    opening: Opening
    silent_after_s: float | None


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop of a trip; planned times are seconds since the run began, service in seconds."""

    site: Site
    distance_m: float
    planned_arrival_s: float
    planned_departure_s: float
    service_s: float


@dataclass(frozen=True, slots=True)
class Order:
    """An order carried by a trip from its first stop to its last."""

    number: str
    package_codes: tuple[str, ...]
    promised_s: float


@dataclass(frozen=True, slots=True)
class Trip:
    """A trip as planned, and the drive it will really be; seconds count from the beginning of the run."""

    label: str
    vehicle: Vehicle
    round_number: int
    active_from_s: float
    active_to_s: float
    began_s: float
    stops: tuple[Stop, ...]
    route: Polyline
    drive: Drive
    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fleet drawn from a seed; `run` keeps the names of one run apart from another's."""

    seed: int
    run: str
    vehicles: tuple[Vehicle, ...]

    def site_scanner(self, site: Site) -> str:
        """Name of the scanner that stays at a site."""
        return f"pda-{self.run}-{site.key}"

    def first_trip(self, vehicle: Vehicle) -> Trip:
        """The trip a vehicle is on when the run begins."""
        rng = self._rng(vehicle, 0)
        stops, route, course = _outbound(_line_of(vehicle), _LOADING_S, rng)
        began_s = _began_s(vehicle, course)
        return self._trip(vehicle, 0, (began_s - 1800, began_s), stops, route, course, rng)

    def next_trip(self, previous: Trip) -> Trip:
        """The trip after another: back empty from a customer, or out again from the warehouse."""
        vehicle, number = previous.vehicle, previous.round_number + 1
        rng = self._rng(vehicle, number)
        line = _line_of(vehicle)
        if number % 2:
            stops, route, course = _course((line.destination, line.origin), (30.0, 120.0), rng)
        else:
            stops, route, course = _outbound(line, _PAUSE_S, rng)
        times = (previous.active_to_s, previous.active_to_s)
        return self._trip(vehicle, number, times, stops, route, course, rng)

    def _rng(self, vehicle: Vehicle, round_number: int) -> random.Random:
        return random.Random(f"{self.seed}/{vehicle.number}/{round_number}/trip")

    def _trip(
        self,
        vehicle: Vehicle,
        number: int,
        times: tuple[float, float],
        halts: Sequence[tuple[Site, Halt]],
        route: Polyline,
        course: Drive,
        rng: random.Random,
    ) -> Trip:
        active_from_s, began_s = times
        behind_s = 1800.0 if vehicle.opening is Opening.LATE and number == 0 else 0.0
        orders = () if number % 2 else self._orders(vehicle, number, began_s, course, rng)
        return Trip(
            label=f"{self.run}-{vehicle.number:03d}-{number}",
            vehicle=vehicle,
            round_number=number,
            active_from_s=active_from_s,
            active_to_s=began_s + course.end_s + _PAUSE_S,
            began_s=began_s,
            stops=_planned(halts, began_s - behind_s),
            route=route,
            drive=course,
            orders=orders,
        )

    def _orders(
        self, vehicle: Vehicle, number: int, began_s: float, course: Drive, rng: random.Random
    ) -> tuple[Order, ...]:
        arrival_s = began_s + course.arrivals_s[-1]
        opening = vehicle.opening if number == 0 else Opening.CRUISING
        promised_s = {Opening.LATE: 25.0, Opening.AT_RISK: arrival_s / 2}.get(opening, arrival_s + 2700)
        orders = []
        for letter in "AB"[: rng.randint(1, 2)]:
            order_number = f"ZT-{self.run}-{vehicle.number:03d}{number}{letter}"
            codes = tuple(f"{order_number}-P{package}" for package in range(1, rng.randint(1, 3) + 1))
            orders.append(Order(order_number, codes, promised_s))
        return tuple(orders)


def _line_of(vehicle: Vehicle) -> Line:
    if vehicle.number >= _CITY_FROM:
        return CITY_LINES[vehicle.number % len(CITY_LINES)]
    long = vehicle.opening in (Opening.LATE, Opening.SILENT, Opening.AT_RISK)
    lines = LONG_LINES if long else SHORT_LINES
    return lines[vehicle.number % len(lines)]


def _course(
    sites: tuple[Site, ...], stands_s: tuple[float, ...], rng: random.Random
) -> tuple[list[tuple[Site, Halt]], Polyline, Drive]:
    route, distances = route_between(sites)
    halts = [Halt(distance, stand) for distance, stand in zip(distances, stands_s, strict=True)]
    return list(zip(sites, halts, strict=True)), route, drive(halts, rng)


def _outbound(
    line: Line, loading_s: float, rng: random.Random
) -> tuple[list[tuple[Site, Halt]], Polyline, Drive]:
    stands_s = (loading_s, rng.uniform(120, 240), rng.uniform(50, 90))
    return _course((line.origin, line.hub, line.destination), stands_s, rng)


def _began_s(vehicle: Vehicle, course: Drive) -> float:
    """When the first trip began, in seconds from the beginning of the run, so that its opening comes true."""
    turn = vehicle.number // len(_OPENINGS)
    match vehicle.opening:
        case Opening.DEPARTING:
            return 4.0 + 5 * turn - course.departures_s[0]
        case Opening.REACHING_HUB:
            return 32.0 + 7 * turn - course.arrivals_s[1]
        case Opening.LEAVING_HUB:
            return 34.0 + 6 * turn - course.departures_s[1]
        case Opening.DELIVERING:
            return 20.0 + 9 * turn - course.arrivals_s[-1]
        case _:
            share = _ON_LAST_LEG[vehicle.opening] * (1 - 0.07 * (turn % 8))
            return -(course.departures_s[-2] * (1 - share) + course.arrivals_s[-1] * share)


def _planned(halts: Sequence[tuple[Site, Halt]], began_s: float) -> tuple[Stop, ...]:
    stops: list[Stop] = []
    arrival_s = began_s
    for site, halt in halts:
        if stops:
            arrival_s = stops[-1].planned_departure_s + nominal_s(halt.distance_m - stops[-1].distance_m)
        departure_s = arrival_s + halt.stand_s
        stops.append(Stop(site, halt.distance_m, arrival_s, departure_s, halt.stand_s))
    return tuple(stops)


_PLATES = ("沪A", "沪B", "苏E", "苏B", "浙A", "浙B", "浙F")
_PLATE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


def _opening(number: int) -> Opening:
    if number < len(_OPENINGS):
        return _OPENINGS[number]
    openings = _EVENTFUL if number < _CITY_FROM else _IN_THE_CITY
    return openings[number % len(openings)]


def build_scenario(seed: int, vehicles: int, run: str) -> Scenario:
    """Draw a fleet of this many vehicles; the first eight open with each of the openings in turn."""
    rng = random.Random(f"{seed}/{run}/fleet")
    fleet = []
    for number in range(vehicles):
        opening = _opening(number)
        letters = "".join(rng.choices(_PLATE_LETTERS, k=3))
        fleet.append(
            Vehicle(
                number=number,
                label=f"{rng.choice(_PLATES)}·{letters}{number:03d}",
                tracker=f"trk-{run}-{number:03d}",
                scanner=f"pda-{run}-{number:03d}",
                driver=f"op-{number:03d}",
                opening=opening,
                silent_after_s=-_SILENT_FOR_S if opening is Opening.SILENT else None,
            )
        )
    return Scenario(seed, run, tuple(fleet))
