"""Orders as people and other systems say them: stops, packages and the trips they are planned on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from uuid import UUID

from domain.access import Principal
from store.cipher import Cipher
from store.errors import Conflict, NotFound
from store.place_names import name_index, sealed_name
from store.pool import Connection
from store.queries import load

_queries = load("orders")


@dataclass(frozen=True, slots=True)
class OrderToAdd:
    """The head of a new order; `client_hash` is of the whole request, so that a reused key is noticed."""

    public_id: UUID
    depot_id: int
    number: str
    channel: str
    channel_reference: str | None
    client_key: str | None
    client_hash: bytes | None
    contact_id: int | None
    priority: str
    received_at: datetime
    promised_at: datetime
    shipper_id: int | None = None


@dataclass(frozen=True, slots=True)
class StopToAdd:
    """A stop of a new order."""

    seq: int
    kind: str
    name: str = field(repr=False)
    geofence_id: int | None
    planned_at: datetime | None


@dataclass(frozen=True, slots=True)
class PackageToAdd:
    """A package of a new order."""

    code: str
    weight_kg: float | None
    volume_m3: float | None


@dataclass(frozen=True, slots=True)
class KeyUse:
    """What a client key was used for before."""

    order_id: int
    public_id: UUID
    client_hash: bytes


async def next_number(connection: Connection, prefix: str) -> str:
    """A number of this prefix that no order has: the prefix and a serial of at least six digits."""
    while True:
        serial = await _queries.next_serial(connection, prefix=prefix)
        number = f"{prefix}{serial:06d}"
        if not await _queries.number_taken(connection, number=number):
            return number


async def create(
    connection: Connection,
    principal: Principal,
    cipher: Cipher,
    order: OrderToAdd,
    stops: Sequence[StopToAdd],
    packages: Sequence[PackageToAdd],
) -> int:
    """Add an order with its stops and packages, and return its order_id.

    The depot, contact and geofences are ones the caller looked up for the principal. Raises Conflict, saying
    which order was first, when its reference, number or a package code is taken.
    """
    order_id = await _queries.create(connection, **asdict(order))
    if order_id is None:
        raise await _duplicate(connection, principal, order)
    await _queries.add_stops(
        connection,
        order_id=order_id,
        seqs=[stop.seq for stop in stops],
        kinds=[stop.kind for stop in stops],
        name_ciphers=[sealed_name(cipher, stop.name) for stop in stops],
        name_indexes=[name_index(cipher, stop.name) for stop in stops],
        geofence_ids=[stop.geofence_id for stop in stops],
        planned_ats=[stop.planned_at for stop in stops],
    )
    given = [asdict(package) for package in packages]
    rows = _queries.add_packages(connection, order_id=order_id, packages=given)
    added = {row["code"] async for row in rows}
    taken = next((package.code for package in packages if package.code not in added), None)
    if taken is not None:
        raise Conflict(f"The package code {taken} belongs to another order. Give every package its own code.")
    return int(order_id)


async def claim_client_key(connection: Connection, principal: Principal, client_key: str) -> KeyUse | None:
    """What the principal's orders used this key for, if anything; it cannot be used again until the commit.

    A shipper's keys are its own: another's, and the company's, are others.
    """
    await _queries.lock_client_key(connection, client_key=client_key)
    row = await _queries.by_client_key(
        connection, client_key=client_key, shipper_id=principal.shipper_id, depots=principal.depots
    )
    return None if row is None else KeyUse(**row)


async def lock(connection: Connection, principal: Principal, public_id: UUID) -> tuple[int, int]:
    """Lock an order until the transaction ends: its order_id and the number of its last stop.

    Raises NotFound when there is none or the principal may not see it.
    """
    row = await _queries.lock(connection, public_id=public_id, depots=principal.depots)
    if row is None:
        raise NotFound(f"There is no order {public_id}.")
    return int(row["order_id"]), int(row["last_seq"])


async def add_leg(
    connection: Connection, order_id: int, trip_id: int, from_seq: int, to_seq: int, bound_at: datetime
) -> None:
    """Plan an order the caller has locked onto a trip the caller has looked up."""
    await _queries.add_leg(
        connection, order_id=order_id, trip_id=trip_id, from_seq=from_seq, to_seq=to_seq, bound_at=bound_at
    )


async def end_plan(connection: Connection, order_id: int, trip_id: int, at: datetime) -> None:
    """End what is planned of an order the caller has locked on a trip the caller has looked up, as of a time.

    Raises Conflict where only load scans bind it to the trip, NotFound where nothing does.
    """
    if [row async for row in _queries.end_plan(connection, order_id=order_id, trip_id=trip_id, at=at)]:
        return
    if await _queries.rides_by_scan(connection, order_id=order_id, trip_id=trip_id):
        raise Conflict(
            "The order was scanned onto this trip: have its packages scanned off, or the load scans voided."
        )
    raise NotFound("The order is not planned on this trip.")


async def package_id(connection: Connection, order_id: int, code: str) -> int:
    """The internal id of a package of an order the caller has locked; NotFound when it has none such."""
    found = await _queries.package_id(connection, order_id=order_id, code=code)
    if found is None:
        raise NotFound(f"The order has no package {code}.")
    return int(found)


async def _duplicate(connection: Connection, principal: Principal, order: OrderToAdd) -> Conflict:
    """Why the order could not be added."""
    first = None
    if order.channel_reference is not None:
        first = await _queries.by_reference(
            connection,
            channel=order.channel,
            channel_reference=order.channel_reference,
            shipper_id=order.shipper_id,
            depots=principal.depots,
        )
    if first is not None:
        return Conflict(
            f"Order {first['number']} already has the reference {order.channel_reference} of channel "
            f"{order.channel}. Look that order up, or give another reference."
        )
    return Conflict(
        f"The number {order.number}, its reference or its client key is taken. Give another, or leave it out."
    )
