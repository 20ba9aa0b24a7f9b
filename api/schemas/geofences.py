"""Geofences as GeoJSON, their versions and what was repaired in them."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from api.schemas.base import Name, Request, Response, Time

Purpose = Literal["origin", "hub", "destination", "depot", "restricted", "other"]
Geometry = Annotated[
    dict[str, Any],
    Field(
        description="GeoJSON, longitude first: Polygon, MultiPolygon, Point with radius_m, "
        "or a corridor: LineString or MultiLineString with half_width_m",
        examples=[
            {"type": "Point", "coordinates": [121.2, 31.4], "radius_m": 150},
            {"type": "LineString", "coordinates": [[121.2, 31.4], [121.0, 31.4]], "half_width_m": 80},
        ],
    ),
]


Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$", examples=["08:00"])]


class Hours(Request):
    """Hours of days of the week by the depot's clock; `to` earlier than `from` is the next day's."""

    days: Annotated[list[Day], Field(min_length=1, max_length=7)]
    opens: Annotated[Clock, Field(alias="from")]
    closes: Annotated[Clock, Field(alias="to")]


Schedule = Annotated[
    list[Hours], Field(min_length=1, max_length=50, description="when the geofence is active; null: always")
]
Approach = Annotated[
    float,
    Field(gt=0, le=50_000, description="coming this near, in metres from the edge, is told; null: is not"),
]


class NewGeofence(Request):
    """A geofence: judged against fixes from `valid_from` on (default: now) until before `valid_to`."""

    depot_id: UUID
    name: Name
    purpose: Purpose = "other"
    geometry: Geometry
    valid_from: Time | None = None
    valid_to: Time | None = None
    schedule: Schedule | None = None
    approach_m: Approach | None = None


class GeofenceReplacement(Request):
    """A new version: the one before ends where this one begins; fixes keep the version of their time.

    What is left out of name, purpose, schedule and approach_m stays as it was; null takes the last two away.
    """

    name: Name | None = None
    purpose: Purpose | None = None
    geometry: Geometry
    valid_from: Time | None = None
    valid_to: Time | None = None
    schedule: Schedule | None = None
    approach_m: Approach | None = None


class FenceCrossing(Response):
    """A vehicle that came in, left, was inside from the first, or came near, at a time ± seconds."""

    vehicle_id: UUID
    vehicle_label: str
    kind: Literal["enter", "exit", "inside", "approach"]
    at: Time
    plus_minus_s: float


class Geofence(Response):
    """A geofence at its newest version; `repairs` says what had to be corrected in the geometry given."""

    id: UUID
    depot_id: UUID
    name: str
    purpose: str
    version: int
    valid_from: Time
    valid_to: Time | None
    geometry: dict[str, Any]
    repairs: list[str]
    schedule: list[Hours] | None
    approach_m: float | None
    created_at: Time
