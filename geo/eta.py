"""When a vehicle reaches its remaining stops: the pace expected on the rest of the route, blended with the
recent one.

Never distance over current speed: a truck at a red light is not a truck that never arrives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from domain.rules import DrivingLimit
from geo.columns import float_column
from geo.quantiles import ErrorBook

ROAD_PACE_S_PER_M = 1.0 / 12.5
"""Used where nothing is planned: 45 km/h, a lorry between towns with its lights and junctions."""

FASTEST_PACE_S_PER_M = 1.0 / 33.0
"""A plan that asks for more than 120 km/h is not believed."""

RECENT_WEIGHT = 0.12
"""How much of what was lost (or gained) of late against the profile is lost once more further on."""

MOST_RECENT_LOSS_S = 200.0
RECENT_FULL_AFTER_S = 333.0
"""The loss comes in full on stops this far ahead, by its share on nearer ones."""

SPREAD_FLOOR_S = 30.0
SPREAD_SHARE = 0.08
SILENT_AFTER_S = 300.0
SILENCE_SPREAD = 0.5
"""Each second of silence beyond five minutes widens the spread: an old position is a vague one."""

STANDS_AFTER_S = 300.0
STANDS_SHARE = 0.2
MOST_STOOD_S = 300.0
"""Of the silence beyond five minutes a vehicle spends a fifth standing, five minutes at most: who drives
reports."""

QUANTILES = (0.1, 0.5, 0.9)

RECENT_S = 600.0
RECENT_LEAST_S = 120.0


@dataclass(frozen=True, slots=True, eq=False)
class PaceProfile:
    """Driving seconds from the start of a route, known at `knots_m` (metres, increasing) and straight in
    between; `spread_s` (same length, or None): what vehicles differ in them, a standard deviation.
    """

    knots_m: NDArray[np.float64]
    knots_s: NDArray[np.float64]
    spread_s: NDArray[np.float64] | None = None

    def seconds_to(self, distances_m: ArrayLike) -> NDArray[np.float64]:
        """Driving seconds from the start to each of n distances."""
        return np.interp(float_column(distances_m), self.knots_m, self.knots_s)

    def spread_between(self, from_m: float, to_m: ArrayLike) -> NDArray[np.float64]:
        """The standard deviation of the driving seconds from one distance to each of n others."""
        if self.spread_s is None:
            return np.zeros(len(float_column(to_m)))
        variance = np.interp(float_column(to_m), self.knots_m, self.spread_s**2)
        here = np.interp(from_m, self.knots_m, self.spread_s**2)
        return np.sqrt(np.maximum(variance - here, 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """Arrival at each of n remaining stops, as columns; times are epoch seconds.

    `stop_index`; `raw_s` before, `p10_s`, `p50_s`, `p90_s` after what past errors say; `spread_s` the spread
    expected of the error, and `to_go_s` the horizon it is of.
    """

    stop_index: NDArray[np.int64]
    raw_s: NDArray[np.float64]
    p10_s: NDArray[np.float64]
    p50_s: NDArray[np.float64]
    p90_s: NDArray[np.float64]
    spread_s: NDArray[np.float64]
    to_go_s: NDArray[np.float64]


def planned_profile(
    stop_distances_m: ArrayLike, planned_s: ArrayLike, service_s: ArrayLike, length_m: float
) -> PaceProfile | None:
    """The pace the plan implies between n stops, and the road pace where it says nothing; None if it says
    nothing at all.

    `planned_s` are planned arrivals (epoch s, NaN = none), `service_s` the seconds spent at each stop.
    """
    stops_m, arrivals, services = (
        float_column(stop_distances_m),
        float_column(planned_s),
        float_column(service_s),
    )
    knots_m = np.concatenate([[0.0], stops_m, [max(length_m, stops_m[-1] if len(stops_m) else 0.0)]])
    lengths = np.diff(knots_m)
    seconds = lengths * ROAD_PACE_S_PER_M
    planned = np.full(len(seconds), np.nan)
    planned[1:-1] = np.diff(arrivals) - services[:-1]
    believed = planned >= lengths * FASTEST_PACE_S_PER_M
    if not believed.any():
        return None
    seconds[believed] = planned[believed]
    return PaceProfile(knots_m, np.concatenate([[0.0], np.cumsum(seconds)]))


def free_flow_profile(length_m: float, free_flow_s: float) -> PaceProfile:
    """The pace of a whole route as a routing engine has it when the roads are free."""
    return PaceProfile(np.array([0.0, length_m]), np.array([0.0, free_flow_s]))


def recent_pace_s_per_m(times_s: ArrayLike, distances_m: ArrayLike) -> float:
    """Seconds per metre over the last ten minutes of progress; infinite when standing, NaN when too little is
    known.

    Inputs are n progress samples in order of time: epoch seconds, metres along the route.
    """
    times, distances = float_column(times_s), float_column(distances_m)
    if not len(times):
        return float("nan")
    first = int(np.searchsorted(times, times[-1] - RECENT_S))
    elapsed_s, driven_m = times[-1] - times[first], distances[-1] - distances[first]
    if elapsed_s < RECENT_LEAST_S:
        return float("nan")
    return float(elapsed_s / driven_m) if driven_m > 0.0 else float("inf")


def estimate(
    *,
    now_s: float,
    fix_s: float,
    distance_m: float,
    stop_distances_m: ArrayLike,
    service_s: ArrayLike,
    next_stop: int,
    profile: PaceProfile,
    errors: ErrorBook,
    recent_pace: float = float("nan"),
    leaves_at_s: float = float("-inf"),
    departures_s: ArrayLike | None = None,
    limit: DrivingLimit | None = None,
    driven_s: float = 0.0,
    is_heard: bool = True,
) -> Arrivals:
    """Arrivals at the stops from `next_stop` on, for a vehicle that was `distance_m` along its route at
    `fix_s`.

    `service_s` has the seconds spent at every stop of the route, `departures_s` the planned departures (epoch
    s, NaN = none) no vehicle leaves before; `recent_pace` is s/m (NaN = unknown); `leaves_at_s` is when a
    vehicle standing at a stop is expected to leave it. `limit` adds the driver's breaks, who has driven for
    `driven_s` since the last known one. `is_heard` is false of a vehicle without any fix, taken to have begun
    at `fix_s` as planned: its silence says nothing. No arrival is earlier than `now_s`: what should have
    happened is due now.
    """
    stops_m = float_column(stop_distances_m)[next_stop:]
    services = float_column(service_s)[next_stop:]
    driving_s = np.maximum(profile.seconds_to(stops_m) - profile.seconds_to([distance_m]), 0.0)
    driving_s = driving_s + _recent_loss_s(driving_s, profile, distance_m, recent_pace)
    held_until_s = np.full(len(stops_m), -np.inf)
    if departures_s is not None:
        held_until_s = np.nan_to_num(float_column(departures_s)[next_stop:], nan=-np.inf)
    stood_s = (
        min(max(STANDS_SHARE * (now_s - fix_s - STANDS_AFTER_S), 0.0), MOST_STOOD_S) if is_heard else 0.0
    )
    leaves_s = max(fix_s + stood_s, leaves_at_s)
    raw_s = _with_stops(leaves_s, driving_s, services, held_until_s, limit, driven_s)
    to_go_s = np.maximum(raw_s - now_s, 0.0)
    silent_s = max(now_s - fix_s - SILENT_AFTER_S, 0.0)
    usual_s = SPREAD_FLOOR_S + SPREAD_SHARE * to_go_s
    of_roads_s = profile.spread_between(distance_m, stops_m)
    spread_s = np.hypot(usual_s, of_roads_s) + SILENCE_SPREAD * silent_s
    low_s, median_s, high_s = raw_s + spread_s * errors.offsets(QUANTILES, to_go_s)
    p50_s = np.maximum.accumulate(np.maximum(median_s, now_s))
    return Arrivals(
        stop_index=np.arange(next_stop, next_stop + len(stops_m), dtype=np.int64),
        raw_s=raw_s,
        p10_s=np.minimum(np.maximum(low_s, now_s), p50_s),
        p50_s=p50_s,
        p90_s=np.maximum.accumulate(np.maximum(high_s, p50_s + SILENCE_SPREAD * silent_s)),
        spread_s=spread_s,
        to_go_s=to_go_s,
    )


def _with_stops(
    leaves_s: float,
    driving_s: NDArray[np.float64],
    services_s: NDArray[np.float64],
    held_until_s: NDArray[np.float64],
    limit: DrivingLimit | None,
    on_end_s: float,
) -> NDArray[np.float64]:
    """Arrivals at n stops by driving, serving each, and waiting there for its planned departure.

    Who has driven `on_end_s` and reaches the limit takes a break there; a long enough stop is one too. Breaks
    that were due before are taken for granted.
    """
    arrivals = np.empty(len(driving_s))
    longest_s, break_s = (
        (np.inf, np.inf) if limit is None else (3600.0 * limit.drive_h, 60.0 * limit.break_min)
    )
    on_end_s %= longest_s
    driven_s = 0.0
    for n, (to_here_s, service_s, held_s) in enumerate(
        zip(driving_s.tolist(), services_s.tolist(), held_until_s.tolist(), strict=True)
    ):
        leg_s = to_here_s - driven_s
        breaks, on_end_s = divmod(on_end_s + leg_s, longest_s)
        arrivals[n] = leaves_s + leg_s + (breaks * break_s if breaks else 0.0)
        leaves_s = max(arrivals[n] + service_s, held_s)
        if leaves_s - arrivals[n] >= break_s:
            on_end_s = 0.0
        driven_s = to_here_s
    return arrivals


def _recent_loss_s(
    driving_s: NDArray[np.float64], profile: PaceProfile, distance_m: float, recent_pace: float
) -> NDArray[np.float64]:
    """Seconds the recent pace adds to (or takes from) each of n driving times."""
    if np.isnan(recent_pace):
        return np.zeros(len(driving_s))
    behind_m = min(RECENT_S / recent_pace, distance_m) if recent_pace > 0.0 else distance_m
    expected_s = float(profile.seconds_to([distance_m])[0] - profile.seconds_to([distance_m - behind_m])[0])
    taken_s = behind_m * recent_pace if np.isfinite(recent_pace) else RECENT_S
    loss_s = float(np.clip(taken_s - expected_s, -MOST_RECENT_LOSS_S, MOST_RECENT_LOSS_S))
    return RECENT_WEIGHT * loss_s * np.minimum(driving_s / RECENT_FULL_AFTER_S, 1.0)
