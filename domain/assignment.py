"""Which vehicle could take an order: ranked by how soon it is there and how much room and time remain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

DETOUR = 1.3
ROAD_SPEED_MPS = 12.0


@dataclass(frozen=True, slots=True)
class Load:
    """What an order weighs and how much room it takes; unknown weights count as nothing."""

    weight_kg: float
    volume_m3: float


@dataclass(frozen=True, slots=True)
class FleetVehicle:
    """A vehicle: what it can carry (None: no limit known), what it is to carry, how far off it is.

    to_origin_m: great-circle distance from where it was last seen; None where either is not known.
    """

    vehicle_id: int
    label: str
    status: str
    capacity: tuple[float | None, float | None]
    load: Load
    to_origin_m: float | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A vehicle that could take the order; remaining room is after taking it."""

    vehicle: FleetVehicle
    to_origin_s: float | None
    slack_s: float | None
    remaining_kg: float | None
    remaining_m3: float | None


def road_s(distance_m: float) -> float:
    """Seconds on the road for a great-circle distance."""
    return distance_m * DETOUR / ROAD_SPEED_MPS


def why_not(vehicle: FleetVehicle, load: Load) -> str | None:
    """Why a vehicle cannot take a load; None: it can."""
    if vehicle.status != "active":
        return f"the vehicle is {'under maintenance' if vehicle.status == 'maintenance' else vehicle.status}"
    if 0 in vehicle.capacity:
        return "the vehicle is said to carry nothing"
    remaining_kg, remaining_m3 = _remaining(vehicle, load)
    if remaining_kg is not None and remaining_kg < 0:
        return f"{-remaining_kg:g} kg too heavy"
    if remaining_m3 is not None and remaining_m3 < 0:
        return f"{-remaining_m3:g} m³ too large"
    return None


def rank(
    vehicles: Iterable[FleetVehicle],
    load: Load,
    *,
    journey_m: float | None,
    promised_at: datetime,
    now: datetime,
) -> tuple[list[Candidate], list[tuple[FleetVehicle, str]]]:
    """Those that can take the order, the best first, and those left out with the reason.

    Who still meets the promise comes first, then who is sooner at the origin, then who has more room left.
    """
    able: list[Candidate] = []
    left_out: list[tuple[FleetVehicle, str]] = []
    for vehicle in vehicles:
        reason = why_not(vehicle, load)
        if reason is not None:
            left_out.append((vehicle, reason))
            continue
        to_origin_s = None if vehicle.to_origin_m is None else road_s(vehicle.to_origin_m)
        slack_s = _slack_s(to_origin_s, journey_m, promised_at - now)
        able.append(Candidate(vehicle, to_origin_s, slack_s, *_remaining(vehicle, load)))
    return sorted(able, key=_order), left_out


def _order(candidate: Candidate) -> tuple[bool, bool, float, float, float, str]:
    return (
        candidate.slack_s is not None and candidate.slack_s < 0,
        candidate.to_origin_s is None,
        candidate.to_origin_s or 0.0,
        -(candidate.remaining_kg or 0.0),
        -(candidate.remaining_m3 or 0.0),
        candidate.vehicle.label,
    )


def _slack_s(to_origin_s: float | None, journey_m: float | None, left: timedelta) -> float | None:
    if to_origin_s is None:
        return None
    return left.total_seconds() - to_origin_s - road_s(journey_m or 0.0)


def _remaining(vehicle: FleetVehicle, load: Load) -> tuple[float | None, float | None]:
    kg, m3 = vehicle.capacity
    return (
        None if kg is None else kg - vehicle.load.weight_kg - load.weight_kg,
        None if m3 is None else m3 - vehicle.load.volume_m3 - load.volume_m3,
    )
