"""The fleet as a map shows it: columns, because ten thousand objects would repeat every name."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from api.schemas.base import Response

Status = Literal["moving", "stopped", "stale"]
Risk = Literal["late", "late_risk"]


class FleetPositions(Response):
    """Vehicles by column: the n-th of every column is of one vehicle."""

    ids: list[UUID]
    labels: list[str]
    lat: list[float] = Field(description="degrees, WGS-84")
    lon: list[float] = Field(description="degrees, WGS-84")
    heading_deg: list[float | None]
    speed_mps: list[float | None]
    at_ms: list[int] = Field(description="the device's time of the fix, milliseconds since 1970")
    status: list[Status] = Field(description="stale: silent for so long that nobody knows")
    trip_ids: list[UUID | None] = Field(description="the trip it is on now")
    risk: list[Risk | None] = Field(description="from its open alerts")


class FleetChanges(FleetPositions):
    """What `event: changed` of the stream holds: the vehicles that changed, and those that left the box."""

    left: list[UUID]
