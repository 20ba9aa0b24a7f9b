"""Alerts as dispatchers see them."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from api.schemas.access import LOGIN_PATTERN
from api.schemas.base import LongText, Request, Response, Time


class AlertedOrder(Response):
    """An order an alert is about, and how it stands where its arrival is estimated."""

    id: UUID
    number: str
    promised_at: Time
    priority: str
    customer_level: str | None
    p50_at: Time | None = Field(description="its likeliest arrival")
    p90_at: Time | None
    probability_late: float | None = Field(description="0 to 1")
    late_min: float | None = Field(description="minutes from the promise to the likeliest arrival")
    left_min: float = Field(description="minutes until the promise; negative: it has passed")


class AlertDriver(Response):
    """Who drives; shown to the office, so that it can call."""

    id: UUID
    login: str
    name: str | None
    phone: str | None


class AlertNote(Response):
    """What somebody wrote beside an alert."""

    at: Time
    by: str
    text: str


class Assignee(Request):
    """Who takes care of an alert, by login, never by name; null: nobody in particular."""

    to: Annotated[str, Field(pattern=LOGIN_PATTERN)] | None


class Snooze(Request):
    """Until when an alert is left out of the list."""

    until: Time


class Resolution(Request):
    """Why an alert needs no more attention; `false_alarm` and `duplicate` say it was not worth raising."""

    cause: Literal["handled", "false_alarm", "duplicate", "accepted"]


class NewNote(Request):
    """A note beside an alert."""

    text: LongText = Field(min_length=1)


class Precision(Response):
    """Of the alerts of a kind that people resolved, how many were worth raising."""

    kind: str
    resolved: int
    worth: int


class Alert(Response):
    """Something a dispatcher should look at."""

    id: UUID
    kind: str
    severity: str
    vehicle_id: UUID | None
    vehicle_label: str | None
    trip_id: UUID | None = Field(description="the trip the vehicle is on now")
    driver: AlertDriver | None
    savable: float = Field(description="how much can still be saved (docs/orders.md): more first")
    orders: list[AlertedOrder]
    opened_at: Time
    updated_at: Time
    cleared_at: Time | None
    clear_reason: str | None
    acknowledged_at: Time | None
    acknowledged_by: str | None
    detail: dict[str, Any]
    assigned_to: str | None
    snoozed_until: Time | None
    resolved_at: Time | None
    resolved_by: str | None
    cause: str | None
    found_at: Time
    found_late: bool = Field(description="it was heard of too late to be news")
    reopened: int = Field(description="how often it came back soon after it ended")
    notes: list[AlertNote]
