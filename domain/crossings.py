"""A vehicle entering or leaving a geofence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class CrossingKind(StrEnum):
    """`inside` is the initial state: the vehicle was within the fence at its first fix."""

    INSIDE = "inside"
    ENTER = "enter"
    EXIT = "exit"


@dataclass(frozen=True, slots=True, order=True)
class Crossing:
    """One crossing: when it happened (± seconds), and the device time of the fix that made it known."""

    decided_at: datetime
    at: datetime
    vehicle_id: int
    geofence_id: int
    kind: CrossingKind
    plus_minus_s: float
    lat: float
    lon: float
