"""What customers are shown of the vehicle that carries their order, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import cos, floor, radians

from domain.addresses import Point, distance_m

_METRES_PER_DEGREE = 111_195.08


@dataclass(frozen=True, slots=True)
class SharingRule:
    """A vehicle is shown to about `coarse_m` until it is near, and links end some time after delivery.

    near_m, near_min: near is within so many metres of the customer in a straight line, or so many minutes by
    the estimate. coarse_m 0: it is always shown exactly. grace_h: links work so long after delivery,
    cancellation or return. lookup_h: a link looked up with the order's number and phone works for so long.
    """

    coarse_m: float = 1000.0
    near_m: float = 3000.0
    near_min: float = 15.0
    grace_h: float = 72.0
    lookup_h: float = 24.0

    def __post_init__(self) -> None:
        if min(self.coarse_m, self.near_m, self.near_min, self.grace_h) < 0.0 or self.lookup_h <= 0.0:
            raise ValueError("sharing takes metres, minutes and hours of 0 or more, and lookup_h above 0")

    @property
    def grace(self) -> timedelta:
        """How long links work after delivery."""
        return timedelta(hours=self.grace_h)

    @property
    def lookup_lasts(self) -> timedelta:
        """How long a link that was looked up works."""
        return timedelta(hours=self.lookup_h)


def is_near(
    rule: SharingRule, vehicle: Point, goal: Point | None, expected_at: datetime | None, now: datetime
) -> bool:
    """Whether a vehicle is near the customer; where that one is unknown, only the estimate can say so."""
    if goal is not None and distance_m(vehicle, goal) <= rule.near_m:
        return True
    return expected_at is not None and expected_at - now <= timedelta(minutes=rule.near_min)


def masked(name: str) -> str:
    """A person's name as whoever holds a link may read it: its first character, and two stars."""
    return f"{name.strip()[:1]}**" if name.strip() else ""


def coarse(point: Point, cell_m: float) -> Point:
    """The middle of the cell of a fixed grid that a point lies in: asking often tells no more than once.

    Cells are `cell_m` high, and about as wide; 0 leaves the point as it is.
    """
    if cell_m <= 0.0:
        return point
    lat_step = cell_m / _METRES_PER_DEGREE
    lat = min((floor(point[0] / lat_step) + 0.5) * lat_step, 90.0)
    # Near the poles a cell goes all around.
    lon_step = min(lat_step / max(cos(radians(lat)), 1e-9), 360.0)
    lon = (floor(point[1] / lon_step) + 0.5) * lon_step
    return max(lat, -90.0), min(max(lon, -180.0), 180.0)
