"""What the holder of a share link sees of its order; the link's token is the authority, not a principal."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import msgspec

from domain.access import Principal
from domain.addresses import Placing
from domain.alerts import silence_limit
from domain.milestones import Stage
from domain.orders import StopKind
from store import contacts, proofs
from store.cipher import Cipher
from store.etas import OrderEta
from store.place_names import opened_name
from store.pool import Connection
from store.proofs import Proof
from store.queries import load

_queries = load("tracking")
_STAGES = [stage.value for stage in Stage]


@dataclass(frozen=True, slots=True)
class Ride:
    """The vehicle carrying the order now and where it was last seen (WGS-84 degrees, device time)."""

    label: str
    lat: float
    lon: float
    speed_mps: float | None
    heading_deg: float | None
    at: datetime
    expected_interval_s: float

    def is_stale(self, now: datetime) -> bool:
        """Silent for longer than 15 minutes and three of its device's usual intervals."""
        return now - self.at > silence_limit(timedelta(seconds=self.expected_interval_s))


@dataclass(frozen=True, slots=True)
class TrackedStop:
    """A stop of the order; where it lies (WGS-84 degrees) is known once a trip stops there."""

    seq: int
    kind: str
    name: str
    planned_at: datetime | None
    lat: float | None
    lon: float | None


@dataclass(frozen=True, slots=True)
class TrackedMilestone:
    """A stage of the order; `stop_seq` is None for stages that do not belong to a stop."""

    stage: str
    stop_seq: int | None
    planned_at: datetime | None
    estimated_at: datetime | None
    actual_at: datetime | None
    deadline_at: datetime | None
    in_trouble: bool
    done_packages: int


@dataclass(frozen=True, slots=True)
class TrackedOrder:
    """An order as its customer may see it.

    trip_id, vehicle_id: what carries it now, known before and longer than a position of it (`ride`), from the
    order's stop from_seq to its stop to_seq. expires_at: when the link ends, after a delivery the grace too.
    went_wrong: the kind of evidence that made it an exception, while it is one. proofs: of its deliveries.
    """

    order_id: int
    number: str
    time_zone: str
    promised_at: datetime
    cancelled_at: datetime | None
    expires_at: datetime
    stops: list[TrackedStop]
    milestones: list[TrackedMilestone]
    packages_total: int
    alert_kinds: list[str]
    trip_id: int | None
    from_seq: int | None
    to_seq: int | None
    vehicle_id: int | None
    trip_ids: list[int]
    ride: Ride | None
    etas: list[OrderEta]
    is_closed: bool
    state: str
    went_wrong: str | None
    proofs: list[Proof]
    placing: Placing | None


@dataclass(frozen=True, slots=True)
class Way:
    """The route of a trip (degrees), and where along it, in metres, an order gets on and off."""

    lats: Sequence[float]
    lons: Sequence[float]
    from_m: float | None
    to_m: float | None


async def order_of_link(
    connection: Connection, token_hash: bytes, grace: timedelta, now: datetime
) -> int | None:
    """The order a link in force leads to; None for any other token. Links end `grace` after delivery."""
    order_id = await _queries.link(connection, token_hash=token_hash, grace=grace, now=now)
    return None if order_id is None else int(order_id)


async def view(
    connection: Connection, cipher: Cipher, token_hash: bytes, grace: timedelta, now: datetime
) -> TrackedOrder | None:
    """What the holder of a token sees now; None unless the token is of a link in force."""
    row = await _queries.view(connection, token_hash=token_hash, grace=grace, now=now, stages=_STAGES)
    if row is None:
        return None
    places = msgspec.convert(row["places"], list[_Place])
    milestones = msgspec.convert(row["milestones"], list[TrackedMilestone])
    return TrackedOrder(
        order_id=row["order_id"],
        number=row["number"],
        time_zone=row["time_zone"],
        promised_at=row["promised_at"],
        cancelled_at=row["cancelled_at"],
        expires_at=row["expires_at"],
        stops=[_stop(cipher, stop, places) for stop in row["stops"]],
        milestones=milestones,
        packages_total=row["packages_total"],
        alert_kinds=row["alert_kinds"],
        trip_id=row["trip_id"],
        from_seq=row["from_seq"],
        to_seq=row["to_seq"],
        vehicle_id=row["vehicle_id"],
        trip_ids=row["trip_ids"],
        ride=_ride(row),
        etas=_etas(row["order_id"], places),
        is_closed=row["is_closed"],
        state=row["state"],
        went_wrong=row["went_wrong"],
        proofs=await _proofs(connection, cipher, row["depot_id"], row["order_id"], milestones),
        placing=None if row["placement"] is None else Placing(row["placement"]),
    )


async def way(
    connection: Connection, order_id: int, trip_id: int, from_seq: int | None, to_seq: int | None
) -> Way:
    """The way of an order on a trip that a view named."""
    row = await _queries.route(
        connection, order_id=order_id, trip_id=trip_id, from_seq=from_seq, to_seq=to_seq
    )
    return Way(row["route_lats"], row["route_lons"], row["from_m"], row["to_m"])


@dataclass(frozen=True, slots=True)
class Found:
    """An order by its number, and the last four digits of the phone number it goes to."""

    order_id: int
    last4: str


async def find_by_number(
    connection: Connection, cipher: Cipher, number: str, grace: timedelta, now: datetime
) -> Found | None:
    """The order with a number, while links may still lead to it and a phone number is known; else None.

    Takes as long where there is none: one query, and a phone number's worth of the cipher.
    """
    row = await _queries.to_look_up(connection, number=number, grace=grace, now=now)
    if row is None:
        cipher.encrypt(b"nobody's", b"number")
        return None
    return Found(row["order_id"], contacts.opened_phone(cipher, row["public_id"], row["phone_cipher"])[-4:])


@dataclass(frozen=True, slots=True)
class _Place:
    """A stop of the order on one of its trips, and the newest estimate for it there, if any."""

    seq: int
    kind: str
    lat: float
    lon: float
    computed_at: datetime | None
    fix_at: datetime | None
    p10_at: datetime | None
    p50_at: datetime | None
    p90_at: datetime | None


async def _proofs(
    connection: Connection,
    cipher: Cipher,
    depot_id: int,
    order_id: int,
    milestones: Sequence[TrackedMilestone],
) -> list[Proof]:
    # Most views are of orders under way: they need no query for what there cannot be.
    if not any(stage.stage == Stage.DELIVERED and stage.done_packages for stage in milestones):
        return []
    holder = Principal(name="share link", role="customer", depot_ids=(depot_id,))
    return await proofs.of_order(connection, holder, cipher, order_id)


def _stop(cipher: Cipher, stored: dict[str, Any], places: Sequence[_Place]) -> TrackedStop:
    in_clear, sealed = stored.pop("name"), stored.pop("name_cipher")
    name = opened_name(cipher, None if sealed is None else base64.b64decode(sealed), in_clear)
    point = next(((place.lat, place.lon) for place in places if place.seq == stored["seq"]), (None, None))
    return msgspec.convert({**stored, "name": name, "lat": point[0], "lon": point[1]}, TrackedStop)


def _etas(order_id: int, places: Sequence[_Place]) -> list[OrderEta]:
    """By stop; an order split over several trips is at a stop when the last of them is."""
    estimated = sorted((place for place in places if place.p50_at is not None), key=lambda place: place.seq)
    etas = []
    for seq, group in groupby(estimated, key=lambda place: place.seq):
        own = list(group)
        etas.append(
            OrderEta(
                order_id=order_id,
                stop_seq=seq,
                kind=StopKind(own[0].kind),
                computed_at=max(_times(own, "computed_at")),
                fix_at=min(_times(own, "fix_at"), default=None),
                p10_at=max(_times(own, "p10_at"), default=None),
                p50_at=max(_times(own, "p50_at")),
                p90_at=max(_times(own, "p90_at")),
            )
        )
    return etas


def _times(places: Sequence[_Place], name: str) -> list[datetime]:
    return [at for place in places if (at := getattr(place, name)) is not None]


def _ride(row: Any) -> Ride | None:
    if row["device_time"] is None:
        return None
    return Ride(
        label=row["vehicle_label"],
        lat=row["lat"],
        lon=row["lon"],
        speed_mps=row["speed_mps"],
        heading_deg=row["heading_deg"],
        at=row["device_time"],
        expected_interval_s=row["expected_interval_s"],
    )
