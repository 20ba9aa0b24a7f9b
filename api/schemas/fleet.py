"""Depots, vehicles, devices and what a device is assigned to."""

from __future__ import annotations

from typing import Literal, Self
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator, model_validator

from api.schemas.base import Amount, Latitude, Longitude, Name, PositiveSeconds, Request, Response, Time

DEVICE_NAME = r"^[A-Za-z0-9_-]{1,64}$"
DeviceKind = Literal["tracker", "scanner"]
Datum = Literal["wgs84", "gcj02"]
VehicleStatus = Literal["active", "maintenance", "retired"]


class NewDepot(Request):
    """A depot: its zone decides what a day, an hour of the week and an order number are."""

    code: str = Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")
    name: Name
    time_zone: str = "Asia/Shanghai"

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value[:60]!r} is not a time zone name, such as {ZoneInfo('Asia/Shanghai')}")
        return value


class Depot(Response):
    """A depot."""

    id: UUID
    code: str
    name: str
    time_zone: str
    created_at: Time


class NewVehicle(Request):
    """A vehicle; its label (plate or fleet number) is unique."""

    depot_id: UUID
    label: Name
    kind: Name = "truck"
    status: VehicleStatus = "active"
    capacity_kg: Amount | None = None
    capacity_m3: Amount | None = None


class LatestPosition(Response):
    """Where a vehicle was last known to be; `age_s` is how long ago by the device's time."""

    at: Time
    received_at: Time
    lat: Latitude
    lon: Longitude
    speed_mps: float | None
    heading_deg: float | None
    accuracy_m: float | None
    age_s: float


class Vehicle(Response):
    """A vehicle with its latest position, if it ever had one; `distance_m` only when asked `near` a point."""

    id: UUID
    depot_id: UUID
    label: str
    kind: str
    status: str
    capacity_kg: float | None
    capacity_m3: float | None
    latest: LatestPosition | None
    distance_m: float | None = None


class TrackPoint(Response):
    """One fix of a vehicle's track."""

    at: Time
    received_at: Time
    lat: Latitude
    lon: Longitude
    speed_mps: float | None
    heading_deg: float | None
    accuracy_m: float | None


class Stay(Response):
    """A time a vehicle stood: from its first fix there to its last; the middle of its fixes."""

    from_: Time = Field(serialization_alias="from", validation_alias="from_")
    to: Time
    lat: Latitude
    lon: Longitude


class Drive(Response):
    """A trip from one stay to the next; metres from fix to fix."""

    from_: Time = Field(serialization_alias="from", validation_alias="from_")
    to: Time
    distance_m: float


class Movements(Response):
    """When a vehicle stood and when it drove, each in order of time."""

    stays: list[Stay]
    drives: list[Drive]


class NewDevice(Request):
    """A tracker or scanner; `name` is its MQTT user and the device part of its topics."""

    depot_id: UUID
    name: str = Field(pattern=DEVICE_NAME)
    kind: DeviceKind = "tracker"
    datum: Datum = "wgs84"
    expected_interval_s: PositiveSeconds = 30.0


class Assignment(Response):
    """What a device speaks for in [`from`, `to`): a vehicle, or an operator."""

    vehicle_id: UUID | None
    operator: str | None
    from_: Time = Field(serialization_alias="from", validation_alias="from_")
    to: Time | None


class Device(Response):
    """A device and what it is assigned to now."""

    id: UUID
    depot_id: UUID
    name: str
    kind: str
    datum: str
    expected_interval_s: float
    status: str
    created_at: Time
    assignment: Assignment | None = None


class DeviceWithToken(Device):
    """A device just made, with the token of its HTTP listener: shown this once, only its hash is kept."""

    token: str


class WaitingDevice(Response):
    """A device that spoke and is not registered, what it sent (`gps`, `scan`, …), how much of it is kept."""

    name: str
    kinds: list[str]
    first_heard_at: Time
    last_heard_at: Time
    payloads: int


class DeviceApproval(Request):
    """As what a waiting device is let in."""

    depot_id: UUID
    kind: DeviceKind | None = Field(default=None, description="default: a scanner if it sent scans")
    datum: Datum = "wgs84"
    expected_interval_s: PositiveSeconds = 30.0


class ApprovedDevice(DeviceWithToken):
    """A device let in, with its token, and how many payloads it sent before are to be worked in now."""

    payloads: int


class NewAssignment(Request):
    """Assign a device to a vehicle or an operator from a time on; an open assignment before it ends there."""

    vehicle_id: UUID | None = None
    operator: Name | None = None
    from_: Time | None = Field(default=None, alias="from", description="default: now")
    to: Time | None = None

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.vehicle_id is None) == (self.operator is None):
            raise ValueError("give either vehicle_id or operator")
        if self.from_ is not None and self.to is not None and self.to <= self.from_:
            raise ValueError("'to' must be after 'from'")
        return self
