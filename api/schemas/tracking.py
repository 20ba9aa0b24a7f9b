"""What a customer sees of an order."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.schemas.base import Request, Response, Time
from api.schemas.trips import Eta
from domain.addresses import NoEta
from domain.alerts import AlertKind
from domain.happenings import State
from domain.milestones import Colour, Stage
from domain.orders import StopKind

WentWrong = Literal["exception", "attempt_failed", "refused"]


class TrackedStop(Response):
    """A stop of the order; the estimate is there while the stop is still ahead."""

    seq: int
    kind: StopKind
    name: str
    lat: float | None
    lon: float | None
    planned_at: Time | None
    eta: Eta | None
    due: bool = Field(description="`eta.p50_at` has come: expect it any moment, whatever the time says")


class TrackedMilestone(Response):
    """A stage of the order as the customer sees it."""

    stage: Stage
    stop_seq: int | None
    planned_at: Time | None
    estimated_at: Time | None
    actual_at: Time | None
    colour: Colour


class TrackedVehicle(Response):
    """The vehicle carrying the order, while it is under way; `stale` when it has been silent for long.

    Until it is near, only the middle of a square of `within_m` metres is shown, without heading and speed.
    """

    label: str
    lat: float
    lon: float
    approximate: bool
    within_m: float | None
    heading_deg: float | None
    speed_mps: float | None
    at: Time
    freshness_s: float
    stale: bool


class TrackedProof(Response):
    """A delivery: when, and who signed, whose name is hidden but for its first character."""

    at: Time
    signed_by: str | None
    recorded: bool = Field(description="there is a photo or signature, which the company can show")


class TrackingView(Response):
    """Everything a customer may see of one order."""

    order_number: str
    time_zone: str
    promised_at: Time
    cancelled: bool
    late: bool
    stops: list[TrackedStop]
    milestones: list[TrackedMilestone]
    packages_done: int = Field(description="packages delivered")
    packages_total: int
    state: State
    went_wrong: WentWrong | None = Field(description="what made the order an exception, while it is one")
    proofs: list[TrackedProof] = Field(description="of its deliveries, the first one first")
    vehicle: TrackedVehicle | None
    no_eta_reason: NoEta | None = Field(description="why there is no estimate for the destination")
    route: list[tuple[float, float]] = Field(description="the current trip's route, [longitude, latitude]")
    alerts: list[AlertKind] = Field(description="kinds of open alerts about this order")
    as_of: Time


class LookUp(Request):
    """An order's number and the last four digits of the phone number it goes to."""

    number: str = Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")
    phone_last4: str = Field(pattern=r"^[0-9]{4}$")


class LookedUp(Response):
    """The token of a link to the order, as in `GET /v1/track/{token}`, and when it ends."""

    token: str
    expires_at: Time
