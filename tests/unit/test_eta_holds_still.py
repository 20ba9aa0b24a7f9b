"""A drive without surprises, watched minute by minute: what is told of its end hardly moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from domain.orders import StopKind
from geo.eta import recent_pace_s_per_m
from geo.pace import PaceTable, observe
from geo.quantiles import ErrorBook
from geo.road_cells import lane_of, road_path
from store.etas import Progress, TripStop, TripUnderWay
from watch.etas import estimate_trip

LATS, LONS = [31.0, 31.4], [120.0, 120.0]
PATH = road_path(LATS, LONS, lane=lane_of(LATS, LONS))
LENGTH_M = float(PATH.edges_m[-1])
MPS, SERVICE_S = 12.0, 600.0
DETOUR_LON = 0.01
"""Degrees; 950 m."""
STOPS_M = (0.0, LENGTH_M / 2, LENGTH_M)
ARRIVES_S = (0.0, STOPS_M[1] / MPS, STOPS_M[2] / MPS + SERVICE_S)

MONDAY_MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MONDAY_NIGHT = datetime(2026, 3, 2, 23, 20, tzinfo=UTC)
FRIDAY_NIGHT = datetime(2026, 3, 6, 23, 20, tzinfo=UTC)
SUNDAY_NIGHT = datetime(2026, 3, 8, 23, 20, tzinfo=UTC)


def at_m(seconds: float) -> float:
    """Where the truck is so long after it left."""
    leaves_s = ARRIVES_S[1] + SERVICE_S
    return float(
        np.interp(seconds, [0.0, ARRIVES_S[1], leaves_s, ARRIVES_S[2]], np.array(STOPS_M)[[0, 1, 1, 2]])
    )


def told_ends(
    departure_at: datetime,
    table: PaceTable,
    *,
    unheard_min: tuple[int, int] = (0, 0),
    detour_min: tuple[int, int] = (0, 0),
    planned: bool = True,
) -> list[datetime]:
    """The p50 of the last stop, each minute of the drive; positions of the minutes between `unheard_min` are
    missing, those between `detour_min` on a road `DETOUR_LON` east of the route.
    """
    ends = []
    arrives_at = [departure_at + timedelta(seconds=seconds) for seconds in ARRIVES_S]
    for minute in range(2, int(ARRIVES_S[2] / 60.0) - 2):
        heard_s = 60.0 * np.array([m for m in range(minute + 1) if not unheard_min[0] < m < unheard_min[1]])
        is_beside = (heard_s > 60.0 * detour_min[0]) & (heard_s < 60.0 * detour_min[1])
        true_m = np.array([at_m(s) for s in heard_s])
        # Progress stays where the route was left.
        places_m = np.where(is_beside, at_m(60.0 * detour_min[0]), true_m)
        beside = (float(np.interp(true_m[-1], [0.0, LENGTH_M], LATS)), LONS[0] + DETOUR_LON)
        pace = recent_pace_s_per_m(heard_s[-12:], places_m[-12:])
        newest_at = departure_at + timedelta(seconds=float(heard_s[-1]))
        stops = tuple(
            TripStop(
                stop_id=n,
                distance_m=STOPS_M[n],
                service_s=SERVICE_S if n else 0.0,
                planned_arrival_at=arrives_at[n] if planned else None,
                planned_departure_at=departure_at if n == 0 else None,
                entered_at=arrives_at[n] if arrives_at[n] <= newest_at else None,
                geofence_id=None,
                kind=StopKind.DESTINATION,
            )
            for n in range(3)
        )
        progress = Progress(
            float(places_m[-1]),
            newest_at,
            None if np.isnan(pace) else pace,
            beside_route=beside if is_beside[-1] else None,
        )
        trip = TripUnderWay(1, 1, "UTC", stops, newest_at, progress, None)
        now = departure_at + timedelta(minutes=minute)
        ends.append(estimate_trip(trip, PATH, table, ErrorBook(), now)[-1].p50_at)
    return ends


def largest_move_s(ends: list[datetime]) -> float:
    return max(abs((after - before).total_seconds()) for before, after in pairwise(ends))


def experienced(departure_at: datetime) -> PaceTable:
    """A table that has seen the road driven at all hours of the two weeks before, at night twice as fast."""
    table = PaceTable()
    for hours in range(1, 14 * 24, 3):
        begins_at = departure_at.replace(minute=0) - timedelta(hours=hours)
        mps = MPS if 6 <= begins_at.hour < 22 else 1.5 * MPS
        times_s = np.arange(0.0, LENGTH_M / mps, 60.0)
        table.add(observe(PATH, begins_at.timestamp() + times_s, times_s * mps))
    return table


def test_passing_a_stop_moves_nothing() -> None:
    ends = told_ends(MONDAY_MORNING, PaceTable())
    assert len(ends) > 50
    assert largest_move_s(ends) <= 10.0


def test_a_gap_without_positions_moves_little_while_it_lasts_and_when_it_ends() -> None:
    undisturbed = told_ends(MONDAY_MORNING, PaceTable())
    ends = told_ends(MONDAY_MORNING, PaceTable(), unheard_min=(5, 20))
    assert largest_move_s(ends) <= 120.0
    assert abs((ends[-1] - undisturbed[-1]).total_seconds()) <= 1.0


def test_a_detour_beside_the_route_moves_little_when_it_begins_while_it_lasts_and_when_it_ends() -> None:
    undisturbed = told_ends(MONDAY_MORNING, PaceTable())
    ends = told_ends(MONDAY_MORNING, PaceTable(), detour_min=(8, 24))
    assert largest_move_s(ends) <= 95.0
    assert abs((ends[-1] - undisturbed[-1]).total_seconds()) <= 1.0


@pytest.mark.parametrize("departure_at", [MONDAY_NIGHT, FRIDAY_NIGHT, SUNDAY_NIGHT])
def test_midnight_moves_little(departure_at: datetime) -> None:
    ends = told_ends(departure_at, experienced(departure_at), planned=False)
    midnight = 40 - 2
    assert largest_move_s(ends[midnight - 3 : midnight + 3]) <= 60.0


def test_what_should_be_over_is_due_now_and_never_in_the_past() -> None:
    ends = told_ends(MONDAY_MORNING, PaceTable(), unheard_min=(20, 999))
    for minute, end_at in enumerate(ends, start=2):
        assert end_at >= MONDAY_MORNING + timedelta(minutes=minute)
