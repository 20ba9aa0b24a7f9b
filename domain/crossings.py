"""A vehicle entering, leaving or approaching a geofence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class CrossingKind(StrEnum):
    """`inside`: there already at the first fix, or when the fence became active; `approach`: come near."""

    INSIDE = "inside"
    ENTER = "enter"
    EXIT = "exit"
    APPROACH = "approach"


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
