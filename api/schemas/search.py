"""What a search found."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from api.schemas.base import Response, Time


class OrderHit(Response):
    """An order, and by what it was found; the customer's name is shown to those who may read it."""

    type: Literal["order"] = "order"
    id: UUID
    label: str
    matched: Literal["number", "channel_reference", "waybill", "package_code", "phone", "phone_tail"]
    state: str
    promised_at: Time
    customer: str | None


class VehicleHit(Response):
    """A vehicle with what was typed in its label."""

    type: Literal["vehicle"] = "vehicle"
    id: UUID
    label: str
    kind: str
    status: str


class TripHit(Response):
    """A trip with what was typed in its label."""

    type: Literal["trip"] = "trip"
    id: UUID
    label: str
    vehicle_id: UUID
    vehicle_label: str
    active_from: Time
    active_to: Time


Hit = Annotated[OrderHit | VehicleHit | TripHit, Field(discriminator="type")]


class Found(Response):
    """Hits: orders, then vehicles, then trips, the best of each first."""

    items: list[Hit]
