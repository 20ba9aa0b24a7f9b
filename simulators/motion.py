"""How a truck moves along its route: speeds up, brakes, meets traffic and red lights, stands at its stops."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

_ACCELERATION = 0.7
_BRAKING = 1.1
_TRUNK_MPS = 22.0
_TOWN_MPS = 12.5
_YARD_MPS = 7.0
_TOWN_M = 3000.0
_YARD_M = 400.0
_JAM_EVERY_M = 15_000.0


class Halt(NamedTuple):
    """A place to stand: how far along the route, and for how long."""

    distance_m: float
    stand_s: float


class Sample(NamedTuple):
    """The truck at one second: seconds since the drive began, metres along the route, speed."""

    at_s: float
    distance_m: float
    speed_mps: float


@dataclass(frozen=True, slots=True)
class Drive:
    """A whole drive, second by second, with the seconds of reaching and leaving each stop."""

    samples: tuple[Sample, ...]
    arrivals_s: tuple[float, ...]
    departures_s: tuple[float, ...]

    @property
    def end_s(self) -> float:
        """Seconds from the beginning to the end of the last stop's service."""
        return self.departures_s[-1]


class _Jam(NamedTuple):
    from_m: float
    to_m: float
    factor: float


@dataclass(slots=True)
class _Truck:
    at_s: float = 0.0
    distance_m: float = 0.0
    speed_mps: float = 0.0
    samples: list[Sample] = field(default_factory=list)

    def note(self) -> None:
        self.samples.append(Sample(self.at_s, self.distance_m, self.speed_mps))

    def stand(self, stand_s: float) -> None:
        self.speed_mps = 0.0
        for _ in range(round(stand_s)):
            self.note()
            self.at_s += 1

    def step(self, limit_mps: float, halt_m: float) -> None:
        """Drive one second towards a halt, never past it."""
        remaining_m = halt_m - self.distance_m
        wanted = min(limit_mps, math.sqrt(2 * _BRAKING * remaining_m))
        change = min(max(wanted - self.speed_mps, -2 * _BRAKING), _ACCELERATION)
        self.speed_mps = max(self.speed_mps + change, 0.5)
        self.note()
        self.at_s += 1
        self.distance_m = min(self.distance_m + self.speed_mps, halt_m)


def _jams(start_m: float, end_m: float, rng: random.Random) -> list[_Jam]:
    count = int((end_m - start_m) / _JAM_EVERY_M + rng.random())
    jams = []
    for _ in range(count):
        from_m = rng.uniform(start_m, end_m)
        jams.append(_Jam(from_m, from_m + rng.uniform(300, 1500), rng.uniform(0.2, 0.6)))
    return jams


def _red_lights(start_m: float, end_m: float, rng: random.Random) -> list[Halt]:
    """Red lights stand in the towns, near either end of the leg, but not in the yards."""
    town_m = min(_TOWN_M, (end_m - start_m) / 2)
    if town_m <= _YARD_M:
        return []
    lights = [start_m + rng.uniform(_YARD_M, town_m) for _ in range(rng.randint(0, 2))]
    lights += [end_m - rng.uniform(_YARD_M, town_m) for _ in range(rng.randint(0, 2))]
    return [Halt(at_m, rng.uniform(8, 45)) for at_m in sorted(lights)]


def _limit_mps(distance_m: float, start_m: float, end_m: float, jams: Sequence[_Jam]) -> float:
    from_stop_m = min(distance_m - start_m, end_m - distance_m)
    limit = _TRUNK_MPS
    if from_stop_m < _YARD_M:
        limit = _YARD_MPS
    elif from_stop_m < _TOWN_M:
        limit = _TOWN_MPS
    for jam in jams:
        if jam.from_m <= distance_m < jam.to_m:
            limit *= jam.factor
    return limit


def _drive_leg(truck: _Truck, end_m: float, briskness: float, rng: random.Random) -> None:
    start_m = truck.distance_m
    jams = _jams(start_m, end_m, rng)
    for halt in (*_red_lights(start_m, end_m, rng), Halt(end_m, 0.0)):
        while truck.distance_m < halt.distance_m:
            truck.step(briskness * _limit_mps(truck.distance_m, start_m, end_m, jams), halt.distance_m)
        truck.stand(halt.stand_s)


def drive(stops: Sequence[Halt], rng: random.Random) -> Drive:
    """Drive from the first stop to the last, standing at each, in one-second steps."""
    truck = _Truck()
    briskness = rng.uniform(0.92, 1.06)
    arrivals, departures = [0.0], []
    for here, following in pairwise(stops):
        truck.stand(here.stand_s)
        departures.append(truck.at_s)
        _drive_leg(truck, following.distance_m, briskness, rng)
        arrivals.append(truck.at_s)
    truck.stand(stops[-1].stand_s)
    departures.append(truck.at_s)
    return Drive(tuple(truck.samples), tuple(arrivals), tuple(departures))


def nominal_s(distance_m: float) -> float:
    """Seconds a planner allows for a distance by road: 60 km/h, and five minutes for the towns."""
    return distance_m / (60 / 3.6) + 300
