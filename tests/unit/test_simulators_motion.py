"""A simulated truck moves like one: within its speeds and its brakes, from stop to stop."""

import random
from itertools import pairwise

import pytest

from simulators.motion import Drive, Halt, drive

STOPS = (Halt(0.0, 60.0), Halt(9_000.0, 90.0), Halt(21_000.0, 30.0))


@pytest.fixture(params=range(5))
def course(request: pytest.FixtureRequest) -> Drive:
    return drive(STOPS, random.Random(request.param))


def test_it_stands_at_each_stop_for_its_service(course: Drive) -> None:
    stands = zip(course.arrivals_s, course.departures_s, STOPS, strict=True)

    for arrival_s, departure_s, stop in stands:
        here = [sample for sample in course.samples if arrival_s <= sample.at_s < departure_s]
        assert departure_s - arrival_s == stop.stand_s
        assert {(sample.distance_m, sample.speed_mps) for sample in here} == {(stop.distance_m, 0.0)}


def test_it_never_moves_back_nor_jumps(course: Drive) -> None:
    for before, after in pairwise(course.samples):
        assert after.at_s == before.at_s + 1
        assert 0 <= after.distance_m - before.distance_m <= 24


def test_it_speeds_up_and_brakes_like_a_truck(course: Drive) -> None:
    changes = [after.speed_mps - before.speed_mps for before, after in pairwise(course.samples)]

    assert max(changes) <= 0.7 + 1e-9
    # The last metre before a halt is taken in one step, at walking pace.
    assert min(changes) >= -2.3


def test_traffic_makes_two_drives_differ() -> None:
    assert drive(STOPS, random.Random(1)).end_s != drive(STOPS, random.Random(2)).end_s
