"""Planned trips: a vehicle, ordered stops and the route between them."""

from __future__ import annotations

from typing import Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from api.schemas.base import Latitude, LineString, Longitude, Name, Request, Response, Time

StopKind = Literal["origin", "hub", "destination"]
Coordinates = list[tuple[Longitude, Latitude]]


class NewTripStop(Request):
    """A stop of a trip: at a point, or (without one) at the middle of its geofence."""

    name: Name
    kind: StopKind
    geofence_id: UUID | None = None
    lat: Latitude | None = None
    lon: Longitude | None = None
    planned_arrival_at: Time | None = None
    planned_departure_at: Time | None = None
    service_s: float = Field(default=0, ge=0, le=7 * 86_400, allow_inf_nan=False)

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if (self.lat is None) != (self.lon is None):
            raise ValueError("give both lat and lon, or neither")
        if self.lat is None and self.geofence_id is None:
            raise ValueError("give lat and lon, or a geofence_id")
        return self


class NewTrip(Request):
    """A trip; without a route, straight lines between its stops. Its depot is the vehicle's."""

    vehicle_id: UUID
    label: Name
    active_from: Time
    active_to: Time
    stops: list[NewTripStop] = Field(min_length=2, max_length=200)
    route: LineString | Coordinates | None = Field(
        default=None, description="GeoJSON LineString, or just its list of [longitude, latitude]"
    )

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.active_to <= self.active_from:
            raise ValueError("active_to must be after active_from")
        return self

    @model_validator(mode="after")
    def _enough_route(self) -> Self:
        if isinstance(self.route, list) and not 2 <= len(self.route) <= 20_000:
            raise ValueError("a route has from 2 to 20,000 positions")
        return self


class Eta(Response):
    """When a stop will probably be reached: by `p50_at` as likely as not, by `p90_at` nine times in ten, and
    only once in ten before `p10_at`.
    """

    p10_at: Time | None
    p50_at: Time
    p90_at: Time
    computed_at: Time


class TripStop(Response):
    """A stop with its distance along the route."""

    seq: int
    name: str
    kind: str
    geofence_id: UUID | None
    lat: float
    lon: float
    distance_m: float
    planned_arrival_at: Time | None
    planned_departure_at: Time | None
    service_s: float
    eta: Eta | None = None
    approached_at: Time | None = Field(
        default=None, description="when it came within approach_m of the geofence"
    )
    due_soon_at: Time | None = Field(
        default=None, description="when it was first estimated at most the rules' approaching_min ahead"
    )


class Progress(Response):
    """How far along its route a trip's vehicle is."""

    fix_at: Time
    distance_m: float
    off_route_m: float
    off_route_since: Time | None


class TripSummary(Response):
    """A trip without its stops and route."""

    id: UUID
    depot_id: UUID
    vehicle_id: UUID
    label: str
    active_from: Time
    active_to: Time
    cancelled_at: Time | None
    created_at: Time


class Trip(TripSummary):
    """A trip with its stops, route and progress."""

    stops: list[TripStop]
    route: LineString
    length_m: float
    progress: Progress | None
