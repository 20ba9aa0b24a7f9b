"""Where orders go: what came of their addresses, and the points that deliveries taught."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from domain.access import Principal
from domain.addresses import Place, Placed, Placing, Point, normal_form
from store.cipher import Cipher
from store.pool import Connection
from store.queries import load

_queries = load("addresses")
LEASE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class OrderAddress:
    """What came of an order's address. delivered_off_m: how far from its point it was handed over."""

    placing: Placing
    reason: str | None
    division: str | None
    placed_at: datetime
    corrected_at: datetime | None
    delivered_off_m: float | None
    candidates: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Due:
    """An order whose address the geocoder should be asked for, for the `attempts`-th time."""

    order_id: int
    attempts: int
    division: str | None
    contact_id: int


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A delivery scanned at a point."""

    order_id: int
    contact_id: int
    scanned_at: datetime
    point: Point


@dataclass(frozen=True, slots=True)
class Report:
    """How many addresses turned out wrong: corrected by somebody, or delivered elsewhere."""

    orders: int
    corrected: int
    delivered_elsewhere: int
    wrong: int
    in_review: int
    without_point: int

    @property
    def error_rate(self) -> float:
        """The share of wrong addresses; 0 where there are none at all."""
        return self.wrong / self.orders if self.orders else 0.0


async def known_point(connection: Connection, cipher: Cipher, address: str) -> Point | None:
    """Where parcels for this address were handed over last."""
    index = _index(cipher, address)
    sealed = await _queries.known_point(connection, address_index=index)
    return None if sealed is None else _point(cipher.decrypt(sealed, known_point_context(index)))


async def write(
    connection: Connection,
    cipher: Cipher,
    order_id: int,
    contact_id: int,
    address: str | None,
    placed: Placed,
    now: datetime,
    *,
    corrected: bool = False,
) -> None:
    """Write down what became of the address of an order the caller has locked or just made."""
    await _write_order(connection, order_id, placed, now, corrected=corrected)
    index = None if address is None else _index(cipher, address)
    await _write_contact(connection, cipher, contact_id, index, placed)


async def settle(
    connection: Connection,
    cipher: Cipher,
    order_id: int,
    contact_id: int,
    placed: Placed,
    now: datetime,
    *,
    corrected: bool = False,
) -> None:
    """The same for an address that was written down before."""
    await _write_order(connection, order_id, placed, now, corrected=corrected)
    index = await _queries.address_index(connection, contact_id=contact_id)
    await _write_contact(connection, cipher, contact_id, index, placed)


async def carry_over(
    connection: Connection, cipher: Cipher, contact_id: int, address: str | None, former: OrderAddress
) -> None:
    """Give another contact with the same address what is known of it."""
    index = None if address is None else _index(cipher, address)
    placed = Placed(former.placing, candidates=former.candidates)
    await _write_contact(connection, cipher, contact_id, index, placed)


async def _write_order(
    connection: Connection, order_id: int, placed: Placed, now: datetime, *, corrected: bool
) -> None:
    await _queries.write(
        connection,
        order_id=order_id,
        placement=placed.placing.value,
        reason=placed.reason,
        division=placed.division,
        now=now,
        ask_at=now if placed.placing is Placing.PENDING else None,
        corrected_at=now if corrected else None,
    )


async def _write_contact(
    connection: Connection, cipher: Cipher, contact_id: int, address_index: bytes | None, placed: Placed
) -> None:
    public_id = await _queries.contact_key(connection, contact_id=contact_id)
    if public_id is None:
        return
    await _queries.write_contact(
        connection,
        contact_id=contact_id,
        address_index=address_index,
        candidates_cipher=_sealed(cipher, public_id, "candidates", placed.candidates or None),
        point_cipher=_sealed(cipher, public_id, "point", placed.point),
    )


async def of_order(
    connection: Connection, principal: Principal, cipher: Cipher, order_id: int
) -> OrderAddress | None:
    """What came of an order's address; None when it has none, or the principal may not see it."""
    row = await _queries.of_order(connection, order_id=order_id, depots=principal.depots)
    if row is None:
        return None
    fields = dict(row)
    public_id, sealed = fields.pop("contact_public_id"), fields.pop("candidates_cipher")
    candidates: tuple[Place, ...] = ()
    if sealed is not None:
        opened = cipher.decrypt(sealed, _contact_context(public_id, "candidates"))
        candidates = msgspec.json.decode(opened, type=tuple[Place, ...])
    placing = Placing(fields.pop("placement"))
    return OrderAddress(placing=placing, **fields, candidates=candidates)


async def lease(connection: Connection, now: datetime, most: int) -> list[Due]:
    """The addresses the geocoder should be asked for now; nobody else gets them for two minutes."""
    rows = _queries.lease(connection, now=now, again=now + LEASE, most=most)
    return [Due(**row) async for row in rows]


async def put_off(connection: Connection, due: Due, reason: str, again: datetime | None) -> None:
    """Ask again later, or never (None): then the order stays without a point."""
    placing = Placing.UNPLACED if again is None else Placing.PENDING
    await _queries.put_off(
        connection, order_id=due.order_id, ask_at=again, reason=reason, placement=placing.value
    )


async def still_pending(connection: Connection, due: Due) -> bool:
    """Lock the order; False when its address was settled, or is another one, meanwhile."""
    found = await _queries.still_pending(connection, order_id=due.order_id, contact_id=due.contact_id)
    return found is not None


async def handed_over(connection: Connection, most: int) -> list[HandedOver]:
    """Deliveries scanned at a point that were not compared with their address yet."""
    rows = _queries.handed_over(connection, most=most)
    return [
        HandedOver(row["order_id"], row["contact_id"], row["scanned_at"], (row["lat"], row["lon"]))
        async for row in rows
    ]


async def learn(
    connection: Connection, cipher: Cipher, delivery: HandedOver, off_m: float | None, now: datetime
) -> None:
    """Remember where a parcel was handed over, for later orders to the same address."""
    index = await _queries.address_index(connection, contact_id=delivery.contact_id)
    if index is not None:
        sealed = cipher.encrypt(msgspec.json.encode(delivery.point), known_point_context(index))
        await _queries.teach(
            connection, address_index=index, point_cipher=sealed, scanned_at=delivery.scanned_at
        )
    await _queries.taught(connection, order_id=delivery.order_id, delivered_off_m=off_m, now=now)


async def report(connection: Connection, principal: Principal, since: datetime, error_m: float) -> Report:
    """How right the addresses of the orders received since then were."""
    row = await _queries.report(connection, since=since, error_m=error_m, depots=principal.depots)
    return Report(**row)


def _index(cipher: Cipher, address: str) -> bytes:
    return cipher.blind_index(b"address:" + normal_form(address).encode())


def known_point_context(index: bytes) -> bytes:
    """What the point of an address is tied to."""
    return b"known_point.point:" + index


def _contact_context(public_id: UUID, field: str) -> bytes:
    return f"contact.{field}:{public_id}".encode()


def _sealed(cipher: Cipher, public_id: UUID, field: str, value: object) -> bytes | None:
    if value is None:
        return None
    return cipher.encrypt(msgspec.json.encode(value), _contact_context(public_id, field))


def _point(opened: bytes) -> Point:
    return msgspec.json.decode(opened, type=tuple[float, float])
