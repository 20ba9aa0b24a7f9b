"""Arrivals of a whole fleet in one call: geo/eta.py in batches, for routes of known pace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.columns import float_column, int_column
from geo.eta import SPREAD_FLOOR_S, SPREAD_SHARE, PaceProfile
from geo.kernels import ArrivalTable


@dataclass(frozen=True, slots=True, eq=False)
class RoutePlan:
    """A route's pace and its n stops: metres along it, seconds of service, and planned departures (epoch s,
    NaN = none) nobody leaves before.
    """

    profile: PaceProfile
    stops_m: NDArray[np.float64]
    services_s: NDArray[np.float64]
    departures_s: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FleetArrivals:
    """Arrivals (epoch s) of n vehicles; vehicle i's remaining stops are rows `starts[i]:starts[i + 1]`."""

    starts: NDArray[np.int64]
    raw_s: NDArray[np.float64]
    p50_s: NDArray[np.float64]
    p90_s: NDArray[np.float64]


class FleetEstimator:
    """Arrivals along a fixed set of routes; a vehicle names its route by its place in the sequence."""

    def __init__(self, plans: Sequence[RoutePlan]) -> None:
        departures = _joined([plan.departures_s for plan in plans])
        self._table = ArrivalTable(
            _starts([len(plan.profile.knots_m) for plan in plans]),
            _joined([plan.profile.knots_m for plan in plans]),
            _joined([plan.profile.knots_s for plan in plans]),
            _starts([len(plan.stops_m) for plan in plans]),
            _joined([plan.stops_m for plan in plans]),
            _joined([plan.services_s for plan in plans]),
            np.where(np.isnan(departures), -np.inf, departures),
        )

    def arrivals(
        self,
        now_s: float,
        routes: ArrayLike,
        distances_m: ArrayLike,
        next_stops: ArrayLike,
        leaves_s: ArrayLike,
        *,
        median_offset: float,
        late_offset: float,
    ) -> FleetArrivals:
        """Arrivals of n vehicles: their routes, metres along them, next stops, when they drive on (epoch s).

        The offsets are the p50 and p90 of past errors in spreads (`geo.quantiles`). Raises ValueError for
        columns of unequal length, NaN, and routes or stops there are none of.
        """
        distances = float_column(distances_m)
        return FleetArrivals(
            *self._table.arrivals(
                now_s,
                int_column(routes),
                distances,
                int_column(next_stops),
                float_column(leaves_s),
                np.full(len(distances), SPREAD_FLOOR_S),
                SPREAD_SHARE,
                median_offset,
                late_offset,
            )
        )


def _joined(columns: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.concatenate([np.empty(0), *columns])


def _starts(lengths: list[int]) -> NDArray[np.int64]:
    return np.cumsum([0, *lengths], dtype=np.int64)
