"""An order as planned: where its packages go, by when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class StopKind(StrEnum):
    """What a stop is to an order or a trip."""

    ORIGIN = "origin"
    HUB = "hub"
    DESTINATION = "destination"


@dataclass(frozen=True, slots=True)
class OrderStop:
    """A place on an order's way; `geofence_id` is None where nobody drew one."""

    seq: int
    kind: StopKind
    geofence_id: int | None
    planned_at: datetime | None


@dataclass(frozen=True, slots=True)
class Order:
    """The plan that evidence is held against; `traits` are what rules ask about it."""

    order_id: int
    received_at: datetime
    promised_at: datetime
    stops: tuple[OrderStop, ...]
    package_ids: tuple[int, ...]
    channel: str = "api"
    cancelled_at: datetime | None = None
    traits: Mapping[str, str | bool | datetime | None] = field(default_factory=dict)

    @property
    def hubs(self) -> tuple[OrderStop, ...]:
        """The hubs in the order they are visited."""
        return tuple(stop for stop in self.stops if stop.kind is StopKind.HUB)


@dataclass(frozen=True, slots=True)
class Leg:
    """Packages of an order riding on a trip between two order stops; package_id None means all of them."""

    order_id: int
    package_id: int | None
    trip_id: int
    vehicle_id: int
    from_seq: int
    to_seq: int
    bound_at: datetime
    unbound_at: datetime | None
