"""How far along its route each vehicle is: a windowed snap to the polyline that never runs backwards.

A fix is snapped to the part of the route between where the vehicle was and where it could be by now. Of two
places equally near, as on a road driven out and back, the earlier counts until the later is nearer by
`ambiguity_m` or two accuracies. Where the route comes by again, a fix that lies as well on the last
`reverse_m` driven is of a vehicle that stands, or has gone back a little, not of one that has been all the
way round: the progress stays; a vehicle that really is on its way back has soon left that stretch. A fix
further from the route than `off_route_m` plus its accuracy is off route: the progress stays, and the window
grows with time, so that the vehicle is found again where it comes back. A fix on the last `behind_m` of what
was driven already is not off route, but the progress stays there too: a snap may have run ahead at a turning
point. A vehicle first seen in mid-route (on its way to the start, or the tracking began late) is on it once
it has followed it forwards for `acquire_m`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.columns import float_column, int_column
from geo.distance import cumulative_m
from geo.kernels import ProgressFold


@dataclass(frozen=True, slots=True)
class ProgressRules:
    """Limits of the snap; the defaults are for trucks.

    `max_speed_mps` (162 km/h) and `slack_m` bound how far the window reaches; `off_route_m` leaves room for
    wide roads and coarse polylines; `ambiguity_m` is more than the noise of a fix, less than the spacing of
    parallel roads; `reverse_m` is as far as trucks go backwards, or a bad fix jumps.
    """

    default_accuracy_m: float = 10.0
    max_speed_mps: float = 45.0
    slack_m: float = 200.0
    off_route_m: float = 75.0
    ambiguity_m: float = 25.0
    acquire_m: float = 300.0
    behind_m: float = 600.0
    reverse_m: float = 150.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name) > 0.0:
                raise ValueError(f"{field.name} must be above zero")


DEFAULT_RULES = ProgressRules()


class Route:
    """A polyline: `lats`, `lons` (degrees) and `distances_m` (metres from the start), a row per point.

    Raises ValueError for fewer than two points, NaN, and points not on Earth.
    """

    def __init__(self, lats: ArrayLike, lons: ArrayLike) -> None:
        self.lats = float_column(lats)
        self.lons = float_column(lons)
        self.distances_m = cumulative_m(self.lats, self.lons)
        if len(self.distances_m) < 2:
            raise ValueError("a route needs at least two points")
        self.length_m = float(self.distances_m[-1])


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """The progress after each of n fixes, as columns.

    `distance_m` along the route; `off_route_m` from it; `off_route_since_s` (epoch s) the first fix of the
    present time off the route, NaN on it; `on_trip` (bool) false until the vehicle was first found following
    the route.
    """

    distance_m: NDArray[np.float64]
    off_route_m: NDArray[np.float64]
    off_route_since_s: NDArray[np.float64]
    on_trip: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.distance_m)


class RouteProgress:
    """Follows vehicles along their routes; state per slot (a small integer the caller gives each vehicle)."""

    def __init__(self, *, rules: ProgressRules = DEFAULT_RULES) -> None:
        self._fold = ProgressFold(*(getattr(rules, field.name) for field in fields(rules)))

    def assign(self, slot: int, route: Route, from_m: float = 0.0) -> None:
        """Put a vehicle at `from_m` metres of a route, forgetting any former one."""
        self._fold.assign(slot, route.lats, route.lons, route.distances_m, from_m)

    def advance(
        self, slots: ArrayLike, times_s: ArrayLike, lats: ArrayLike, lons: ArrayLike, accuracies_m: ArrayLike
    ) -> Progress:
        """Fold n fixes in: slots with a route, epoch seconds, degrees, metres (NaN = unknown).

        Raises ValueError, and changes nothing, for columns of unequal length, NaN, positions not on Earth, a
        slot without a route, and a slot's fixes not in order of time.
        """
        return Progress(
            *self._fold.advance(
                int_column(slots),
                float_column(times_s),
                float_column(lats),
                float_column(lons),
                float_column(accuracies_m),
            )
        )

    def save_state(self, slot: int) -> bytes:
        """The slot's progress without its route; the same fixes always give the same bytes."""
        return self._fold.save_state(slot)

    def load_state(self, slot: int, state: bytes) -> None:
        """Replace the progress of a slot that has its route. Raises ValueError for bytes that are not a
        state.
        """
        self._fold.load_state(slot, state)

    def clear(self, slot: int) -> None:
        """Forget the slot and its route."""
        self._fold.clear(slot)
