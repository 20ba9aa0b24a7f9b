"""Giving orders to vehicles."""

from __future__ import annotations

from uuid import UUID

from api.schemas.base import Request, Response, Time


class Candidate(Response):
    """A vehicle that could take the order; null where it is not known."""

    vehicle_id: UUID
    vehicle_label: str
    to_origin_s: float | None
    slack_s: float | None
    remaining_kg: float | None
    remaining_m3: float | None


class LeftOut(Response):
    """A vehicle that cannot take the order, and why."""

    vehicle_id: UUID
    vehicle_label: str
    reason: str


class Candidates(Response):
    """The best first."""

    items: list[Candidate]
    left_out: list[LeftOut]


class NewAssignment(Request):
    """Give the order to a vehicle."""

    vehicle_id: UUID


class Assignment(Response):
    """A vehicle the order was given to."""

    vehicle_id: UUID
    vehicle_label: str
    assigned_at: Time
    assigned_by: str
    ended_at: Time | None
    ended_by: str | None
