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


class NewGeofence(Request):
    """A geofence: judged against fixes from `valid_from` on (default: now)."""

    depot_id: UUID
    name: Name
    purpose: Purpose = "other"
    geometry: Geometry
    valid_from: Time | None = None


class GeofenceReplacement(Request):
    """A new version: the one before ends where this one begins; fixes keep the version of their time."""

    name: Name | None = None
    purpose: Purpose | None = None
    geometry: Geometry
    valid_from: Time | None = None


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
    created_at: Time
