"""Tasks of staff, what a scanned code names, and a driver's stops."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from api.schemas.base import LongText, Request, Response, Time
from api.schemas.orders import Contact


class Task(Response):
    """A running clock of an order as somebody's work."""

    order_id: UUID
    order_number: str
    clock: str
    confirms: str = Field(description="the evidence that confirming it writes")
    owner_role: str
    superior: bool = Field(description="it is yours as the superior, because it is overdue")
    priority: str
    order_state: str
    missing: list[str] = Field(description="fields the order lacks: complete them first")
    started_at: Time
    warn_at: Time | None
    deadline_at: Time | None = Field(description="null: the clock stands still")
    colour: Literal["green", "yellow", "red"]
    overdue: bool
    reason_required: bool
    done_at: Time | None


class Tasks(Response):
    """My tasks, those due first, first; the counts are of all of them."""

    at: Time
    running: int
    overdue: int
    items: list[Task]


class TaskDone(Request):
    """That a task is done; an overdue one asks for the reason."""

    reason: LongText | None = Field(default=None, min_length=1)
    at: Time | None = Field(default=None, description="when it was done; default: now")


class PendingStage(Response):
    """A stage of an order that is not done yet."""

    stage: str
    stop_seq: int | None
    done_packages: int
    of_packages: int


class NamedCode(Response):
    """What a code names, my tasks with that order, and what is not done of it yet."""

    code: str
    kind: Literal["package", "order"]
    order_id: UUID
    order_number: str
    order_state: str
    package_code: str | None
    packages: list[str]
    tasks: list[Task]
    pending: list[PendingStage]


class StopOrder(Response):
    """An order at a stop of mine, and what is to be done with it; the contact where it is handed over."""

    id: UUID
    number: str
    does: Literal["load", "hub", "deliver"]
    packages: list[str]
    done: bool
    failed_reason: str | None = Field(description="the last attempt failed for this")
    contact: Contact | None


class MyStop(Response):
    """A stop of a trip of mine; done: everything there is, or the vehicle is past it."""

    seq: int
    name: str
    kind: str
    lat: float
    lon: float
    planned_arrival_at: Time | None
    p50_at: Time | None
    p90_at: Time | None
    done: bool
    orders: list[StopOrder]


class MyTrip(Response):
    """A trip of mine, its stops in order."""

    id: UUID
    label: str
    vehicle_label: str
    active_from: Time
    active_to: Time
    stops: list[MyStop]


class MyStops(Response):
    """My trips of the day at the depot, in order."""

    at: Time
    trips: list[MyTrip]
