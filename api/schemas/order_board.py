"""The board of open orders."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from api.schemas.base import Response, Time


class BoardCard(Response):
    """An order on the board, and what is due next of it."""

    id: UUID
    number: str
    colour: Literal["green", "yellow", "red"]
    state: str
    exception: bool = Field(description="it is in an exception, came back, or something of it is in doubt")
    priority: str
    customer_level: str | None
    clock: str | None = Field(description="the clock that is due next")
    deadline_at: Time | None = Field(description="when what is due next is over its limit")
    owner_role: str | None = Field(description="who answers for that")
    owners: list[str] = Field(description="logins of those in the depot who have that duty, at most 3")
    promised_at: Time
    p50_at: Time | None = Field(description="the likeliest arrival at the destination")
    p90_at: Time | None
    vehicle_id: UUID | None
    vehicle_label: str | None


class BoardColumn(Response):
    """The orders whose furthest stage done this is: how many, how many red, and the most urgent of them."""

    stage: str
    orders: int
    red: int
    cards: list[BoardCard]


class Board(Response):
    """The open orders by stage, and those delivered in the last 24 hours."""

    at: Time
    columns: list[BoardColumn]
