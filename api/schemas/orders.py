"""Orders: stops, packages, legs, milestones, evidence and share links."""

from __future__ import annotations

from typing import Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from api.schemas.base import Amount, Latitude, Longitude, LongText, Name, Request, Response, Time
from api.schemas.trips import Eta, StopKind
from domain.addresses import NoEta, Placing

MOST_STOPS = 50
Priority = Literal["urgent", "high", "regular", "low"]
HoldReason = Literal["credit", "amount", "stock", "date"]


class Contact(Request):
    """Whom the order goes to; stored encrypted, shown to staff only."""

    name: Name | None = None
    phone: str | None = Field(default=None, max_length=40, pattern=r"^[0-9+() .-]+$")
    address: LongText | None = None
    lat: Latitude | None = None
    lon: Longitude | None = None
    email: str | None = Field(default=None, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")
    language: Literal["zh-CN", "en"] = "zh-CN"

    @model_validator(mode="after")
    def _a_whole_point(self) -> Self:
        if (self.lat is None) != (self.lon is None):
            raise ValueError("lat and lon belong together")
        return self


class Item(Request):
    """A line of an order."""

    sku: Name | None = None
    name: Name | None = None
    specification: Name | None = None
    quantity: float | None = Field(default=None, gt=0, le=1e9, allow_inf_nan=False)


class NewOrderStop(Request):
    """A stop of an order, in the order of the journey."""

    kind: StopKind
    name: Name
    geofence_id: UUID | None = None
    planned_at: Time | None = None


class NewPackage(Request):
    """A package; its code is what the scanners read."""

    code: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
    weight_kg: Amount | None = None
    volume_m3: Amount | None = None


class NewLeg(Request):
    """The order rides on a trip, from one of its stops to a later one (default: from first to last)."""

    trip_id: UUID
    from_seq: int = Field(default=0, ge=0, le=MOST_STOPS)
    to_seq: int | None = Field(default=None, ge=1, le=MOST_STOPS)


class NewOrder(Request):
    """An order. With a `client_key` the request can be sent again: the same body gives the same answer."""

    depot_id: UUID
    number: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9_-]{1,64}$", description="default: made by us"
    )
    channel: str = Field("api", pattern=r"^[A-Za-z0-9]{1,16}$")
    channel_reference: Name | None = None
    client_key: Name | None = None
    contact: Contact | None = None
    priority: Priority | None = Field(default=None, description="default: by the rules")
    received_at: Time | None = Field(default=None, description="default: now")
    promised_at: Time | None = Field(default=None, description="default: received + 48 h, by the rules")
    ordered_at: Time | None = None
    items: list[Item] = Field(default_factory=list, max_length=1000)
    tagged_urgent: bool = False
    custom: bool = False
    production_at: Time | None = None
    customer_level: Name | None = None
    return_without_fault: bool = False
    amount_class: Name | None = None
    profit_class: Name | None = None
    hold_reason: HoldReason | None = None
    waybill: Name | None = Field(default=None, description="the carrier's number")
    stops: list[NewOrderStop] = Field(
        default_factory=list, max_length=MOST_STOPS, description="default: from the depot to the customer"
    )
    packages: list[NewPackage] = Field(default_factory=list, max_length=1000)
    legs: list[NewLeg] = Field(default_factory=list, max_length=50)

    @model_validator(mode="after")
    def _a_journey(self) -> Self:
        kinds = [stop.kind for stop in self.stops]
        expected = ["origin", *["hub"] * (len(kinds) - 2), "destination"]
        if kinds and kinds != expected:
            raise ValueError("stops must be one origin, any hubs, then one destination")
        if len({package.code for package in self.packages}) != len(self.packages):
            raise ValueError("every package needs a code of its own")
        return self


class OrderStop(Response):
    """A stop of an order, with the estimate of its arrival where there is one."""

    seq: int
    kind: str
    name: str
    geofence_id: UUID | None
    planned_at: Time | None
    eta: Eta | None = None
    approached_at: Time | None = Field(
        default=None, description="when what carries it came within approach_m of the geofence"
    )
    due_soon_at: Time | None = Field(
        default=None, description="when it was first estimated at most the rules' approaching_min ahead"
    )


class Proof(Response):
    """A delivery of one package, or (null) of the whole order: who signed, when and where.

    `proof` refers to a photo or signature kept elsewhere. Who may not see contacts sees only the time.
    """

    package_code: str | None
    at: Time
    source: str
    signed_by: str | None
    proof: str | None
    note: str | None
    lat: float | None
    lon: float | None


class Package(Response):
    """A package of an order."""

    code: str
    weight_kg: float | None
    volume_m3: float | None


class Leg(Response):
    """What of the order rides on which trip; `package_code` null means the whole order."""

    trip_id: UUID
    vehicle_id: UUID
    vehicle_label: str
    package_code: str | None
    from_seq: int
    to_seq: int
    bound_by: str
    bound_at: Time
    unbound_at: Time | None


class Milestone(Response):
    """A stage of an order: when planned, estimated and done, who is responsible, and its colour."""

    stage: str
    stop_seq: int | None
    planned_at: Time | None
    estimated_at: Time | None
    actual_at: Time | None
    plus_minus_s: float | None
    deadline_at: Time | None
    owner_role: str | None
    superior_role: str | None
    colour: str
    done_packages: int
    of_packages: int
    recorded_at: Time


class OrderItem(Response):
    """A line of an order."""

    sku: str | None
    name: str | None
    specification: str | None
    quantity: float | None


class ClockRun(Response):
    """A clock of an order: gross is by the wall, net without pauses. `deadline_at` null: it stands still."""

    clock: str
    ends_with: str
    owner_role: str
    superior_role: str
    started_at: Time
    warn_at: Time | None
    deadline_at: Time | None
    stopped_at: Time | None
    gross_s: float
    net_s: float
    reason: str | None
    reason_by: str | None
    reason_at: Time | None


class PriorityChange(Response):
    """A priority the order got, and why."""

    at: Time
    before: str | None
    after: str
    reason: str
    by: str


class OrderSummary(Response):
    """An order as one line of a list."""

    id: UUID
    depot_id: UUID
    number: str
    channel: str
    channel_reference: str | None
    priority: str
    received_at: Time
    promised_at: Time
    cancelled_at: Time | None
    created_at: Time
    stage: str | None = Field(description="the furthest stage done")
    late: bool = Field(description="not delivered by its promised time")
    destination_eta: Eta | None


class AuditEntry(Response):
    """A change somebody made by hand: which fields, never what is in them."""

    at: Time
    actor: str
    action: str
    detail: dict[str, Any]
    reason: str | None


class Conflict(Response):
    """Something about an order that contradicts itself; `settled_at`: somebody looked into it."""

    id: UUID
    order_id: UUID
    order_number: str
    package_code: str | None
    kind: str
    at: Time
    vehicle_labels: list[str]
    detail: dict[str, Any]
    found_at: Time
    ended_at: Time | None = Field(description="later facts resolved it")
    settled_at: Time | None
    settled_by: str | None
    reason: str | None


class Settlement(Request):
    """What came of a conflict."""

    reason: LongText = Field(min_length=1)


class AddressCandidate(Response):
    """A place the address may mean; without a point where only its division is known."""

    label: str
    lat: float | None
    lon: float | None


class OrderAddress(Response):
    """How the order came to the point it goes to, or why it has none."""

    placing: Placing
    reason: str | None
    division: str | None = Field(description="GB/T 2260 code of the smallest division it names")
    placed_at: Time
    corrected_at: Time | None
    delivered_off_m: float | None = Field(description="how far from its point it was handed over")
    candidates: list[AddressCandidate]


class AddressChoice(Request):
    """Where the order goes: one of the candidates, by its place in the list, or a point."""

    candidate: int | None = Field(default=None, ge=0, le=1000)
    lat: Latitude | None = None
    lon: Longitude | None = None

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if (self.lat is None) != (self.lon is None) or (self.lat is None) == (self.candidate is None):
            raise ValueError("give either candidate, or lat and lon")
        return self


class Order(Response):
    """An order with everything known about it."""

    id: UUID
    depot_id: UUID
    number: str
    channel: str
    channel_reference: str | None
    client_key: str | None
    priority: str
    received_at: Time
    promised_at: Time
    cancelled_at: Time | None
    created_at: Time
    state: str
    closed_at: Time | None
    missing: list[str] = Field(
        description="fields its channel requires and it lacks; `items.sku:X`: the catalogue has no X"
    )
    waybill: str | None = Field(description="the carrier's number")
    ordered_at: Time | None
    promise_given: bool = Field(description="false: we promised by rule")
    tagged_urgent: bool
    custom: bool
    production_at: Time | None
    customer_level: str | None = Field(description="this and the classes and holds: shown to staff only")
    surge: bool
    amount_class: str | None
    profit_class: str | None
    hold_reason: str | None
    contact: Contact | None
    address: OrderAddress | None
    no_eta_reason: NoEta | None = Field(description="why there is no estimate for the destination")
    items: list[OrderItem]
    stops: list[OrderStop]
    packages: list[Package]
    proofs: list[Proof] = Field(description="proof of delivery")
    legs: list[Leg]
    milestones: list[Milestone]
    clocks: list[ClockRun] = Field(description="clocks, changes and conflicts: empty but for staff")
    priority_changes: list[PriorityChange]
    conflicts: list[Conflict]


class OrderChange(Request):
    """What to complete or change; fields left out stay as they are, flags given as null are taken back."""

    contact: Contact | None = None
    items: list[Item] | None = Field(default=None, max_length=1000)
    ordered_at: Time | None = None
    promised_at: Time | None = None
    tagged_urgent: bool | None = None
    custom: bool | None = None
    production_at: Time | None = None
    customer_level: Name | None = None
    priority: Priority | None = Field(default=None, description="stays, whatever the rules say")
    amount_class: Name | None = None
    profit_class: Name | None = None
    hold_reason: HoldReason | None = None
    waybill: Name | None = None
    reason: LongText | None = None


class ClockReason(Request):
    """Why a clock passed its limit."""

    reason: str = Field(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")


class NewEvidence(Request):
    """Something another system knows about an order; `source_key` makes saying it twice harmless.

    `manual` marks what a person says: it needs the user as `actor` and a reason. signed_by, proof (where a
    photo or signature is kept), note and a point say how a parcel was handed over; they are stored encrypted.
    `waybill` goes with the stage of that name.
    """

    stage: str
    at: Time
    source_key: Name
    stop_seq: int | None = Field(default=None, ge=0, le=MOST_STOPS)
    package_code: str | None = Field(default=None, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
    actor: Name | None = None
    reason: LongText | None = None
    signed_by: Name | None = None
    proof: str | None = Field(default=None, min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")
    note: LongText | None = None
    manual: bool = False
    waybill: Name | None = None
    lat: Latitude | None = None
    lon: Longitude | None = None

    @model_validator(mode="after")
    def _says_who(self) -> Self:
        if self.manual and not (self.actor and self.reason):
            raise ValueError("what a person says needs actor and reason")
        if (self.lat is None) != (self.lon is None):
            raise ValueError("lat and lon belong together")
        if (self.waybill is None) == (self.stage == "waybill"):
            raise ValueError("waybill, the carrier's number, goes with the stage waybill")
        return self


class BulkRow(Response):
    """What became of one row of a file; `row` is its line."""

    row: int
    result: Literal["created", "repeated", "refused"]
    order_id: UUID | None = None
    number: str | None = None
    state: str | None = None
    missing: list[str] = Field(default_factory=list)
    problems: list[str] = Field(default_factory=list)


class BulkAnswer(Response):
    """What became of a file: every row is in exactly one of the three counts."""

    rows: int
    created: int
    repeated: int
    refused: int
    items: list[BulkRow]


class NewShareLink(Request):
    """A customer's link to an order's page."""

    expires_in_s: int = Field(default=30 * 86_400, ge=60, le=400 * 86_400)
    send: bool = Field(
        default=False, description="also tell the customer a link, by the rules' notices of `link`"
    )


class ShareLink(Response):
    """A customer's link: the token is shown this once, only its hash is kept."""

    token: str
    url: str
    expires_at: Time
    notices: int = Field(description="how many notices with a link are on their way to the customer")
