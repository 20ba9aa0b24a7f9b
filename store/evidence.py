"""Evidence and the milestones derived from it: whatever becomes known about an order ends here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.access import Principal
from domain.crossings import Crossing
from domain.happenings import Happening
from domain.legs import (
    CLOCK_TOLERANCE,
    LONGEST_RIDE,
    bind_legs,
    crossing_evidence,
    scan_evidence,
    standing_scans,
)
from domain.milestones import NO_STOP, Evidence
from domain.orders import Leg
from store import order_accounts
from store.cipher import Cipher
from store.order_facts import OrderFacts, crossings_for, legs_that_count, lock_and_read
from store.pool import Connection
from store.queries import load
from store.unit_of_work import UnitOfWork

_queries = load("evidence")
EVIDENCE_CONTEXT = b"evidence.private"
_DERIVED_SOURCES = frozenset({"scan", "crossing"})
EvidenceKey = tuple[int, str, str, str]
"""(order_id, source, source_key, stage): what makes two sayings the same one."""


async def orders_of_codes(connection: Connection, principal: Principal, codes: Collection[str]) -> set[int]:
    """The orders that scanned codes belong to, as package codes or order numbers."""
    if not codes:
        return set()
    rows = _queries.orders_of_codes(connection, codes=sorted(codes), depots=principal.depots)
    return {row["order_id"] async for row in rows}


@dataclass(frozen=True, slots=True)
class Handover:
    """How a parcel was handed over: who signed, where the photo or signature is kept, and what else to say.

    point: WGS-84 degrees (latitude, longitude).
    """

    signed_by: str | None = None
    proof: str | None = None
    note: str | None = None
    point: tuple[float, float] | None = None

    @property
    def texts(self) -> dict[str, str | None]:
        """As it is sealed beside the evidence."""
        point = None if self.point is None else f"{self.point[0]!r} {self.point[1]!r}"
        return {"signed_by": self.signed_by, "proof": self.proof, "note": self.note, "point": point}


async def orders_of_crossings(
    connection: Connection, principal: Principal, crossings: Collection[Crossing]
) -> set[int]:
    """The orders that crossings may say something about."""
    if not crossings:
        return set()
    rows = _queries.orders_of_crossings(
        connection,
        vehicle_ids=[crossing.vehicle_id for crossing in crossings],
        geofence_ids=[crossing.geofence_id for crossing in crossings],
        ats=[crossing.at for crossing in crossings],
        tolerance=CLOCK_TOLERANCE,
        longest_ride=LONGEST_RIDE,
        depots=principal.depots,
    )
    return {row["order_id"] async for row in rows}


async def orders_of_trips(connection: Connection, trip_ids: Collection[int]) -> set[int]:
    """The orders that ride, or may ride, on trips that changed."""
    if not trip_ids:
        return set()
    rows = _queries.orders_of_trips(connection, trip_ids=sorted(trip_ids), tolerance=CLOCK_TOLERANCE)
    return {row["order_id"] async for row in rows}


async def orders_of_scanners(connection: Connection, since: Mapping[int, datetime]) -> set[int]:
    """The orders loaded by scanners whose vehicle changed, each from its own time on."""
    if not since:
        return set()
    rows = _queries.orders_of_scanners(connection, device_ids=list(since.keys()), sinces=list(since.values()))
    return {row["order_id"] async for row in rows}


async def add(
    connection: Connection,
    cipher: Cipher,
    order_id: int,
    evidence: Evidence,
    handover: Handover | None = None,
) -> bool:
    """Write down what a person or a partner's system says; False when the same was said before."""
    texts = {} if handover is None else handover.texts
    private = cipher.seal_texts(
        {"actor": evidence.actor, "reason": evidence.reason, **texts}, EVIDENCE_CONTEXT
    )
    return bool(await _add(connection, [(order_id, evidence)], [private]))


async def record_evidence(work: UnitOfWork, order_ids: Collection[int], now: datetime) -> int:
    """Derive the legs, evidence and milestones of these orders again, whole, and write what differs.

    Locks the orders in id order; announces those whose milestones changed. Returns how many milestones
    got, changed or lost their actual time.
    """
    if not order_ids:
        return 0
    known = await lock_and_read(work.connection, order_ids)
    await _write_scanned_legs(work.connection, known)
    legs = await legs_that_count(work.connection, known)
    crossings = await crossings_for(
        work.connection,
        [leg for own in legs.values() for leg in own],
        [facts.order for facts in known.values()],
    )
    approached = await _write_evidence(work.connection, known, legs, crossings, now)
    return await order_accounts.write(work, known, now, approached=approached)


async def _write_scanned_legs(connection: Connection, known: dict[int, OrderFacts]) -> None:
    """Bring the legs made by load scans in line with the scans."""
    missing: list[Leg] = []
    stale: list[int] = []
    for facts in known.values():
        bound = bind_legs(facts.order, standing_scans(facts.scans), facts.trips)
        stored = facts.scanned_legs
        stale.extend(leg_id for leg_id, leg in stored.items() if leg not in bound)
        missing.extend(leg for leg in bound if leg not in stored.values())
    if stale:
        await _queries.drop_legs(connection, leg_ids=sorted(stale))
    if missing:
        await _queries.add_legs(
            connection,
            order_ids=[leg.order_id for leg in missing],
            package_ids=[leg.package_id for leg in missing],
            trip_ids=[leg.trip_id for leg in missing],
            from_seqs=[leg.from_seq for leg in missing],
            to_seqs=[leg.to_seq for leg in missing],
            bound_ats=[leg.bound_at for leg in missing],
            unbound_ats=[leg.unbound_at for leg in missing],
        )


async def _write_evidence(
    connection: Connection,
    known: dict[int, OrderFacts],
    legs: dict[int, list[Leg]],
    crossings: dict[int, list[Crossing]],
    now: datetime,
) -> set[int]:
    """Bring evidence from scans and crossings in line: retract what no longer follows, add what does.

    Returns the orders whose approaches changed, which no milestone shows.
    """
    approached: set[int] = set()
    stale: list[int] = []
    missing: list[tuple[int, Evidence]] = []
    for order_id, facts in known.items():
        own_crossings = [
            crossing
            for vehicle_id in {leg.vehicle_id for leg in legs[order_id]}
            for crossing in crossings.get(vehicle_id, ())
        ]
        follows = {
            *scan_evidence(facts.order, standing_scans(facts.scans)),
            *crossing_evidence(facts.order, legs[order_id], own_crossings),
        }
        for evidence_id, said in list(facts.evidence.items()):
            if said.source in _DERIVED_SOURCES and said not in follows:
                stale.append(evidence_id)
                del facts.evidence[evidence_id]
                approached |= _approached(order_id, said)
        stored = set(facts.evidence.values())
        missing.extend((order_id, said) for said in sorted(follows - stored, key=lambda e: e.rank))
    if stale:
        await _queries.retract(connection, evidence_ids=sorted(stale), now=now)
    added = await _add(connection, missing)
    for order_id, said in missing:
        known[order_id].evidence[added[_key(order_id, said)]] = said
        approached |= _approached(order_id, said)
    return approached


def _approached(order_id: int, said: Evidence) -> set[int]:
    return {order_id} if said.kind is Happening.APPROACHED else set()


def _key(order_id: int, said: Evidence) -> EvidenceKey:
    return (order_id, said.source, said.source_key, said.kind.value)


async def _add(
    connection: Connection,
    said: Sequence[tuple[int, Evidence]],
    private: Sequence[bytes | None] | None = None,
) -> dict[EvidenceKey, int]:
    """Insert evidence, with who said so and why where that is known (sealed); the ids of what was new."""
    if not said:
        return {}
    rows = _queries.add_evidence(
        connection,
        order_ids=[order_id for order_id, _ in said],
        kinds=[item.kind.value for _, item in said],
        ats=[item.at for _, item in said],
        sources=[item.source for _, item in said],
        source_keys=[item.source_key for _, item in said],
        package_ids=[item.package_id for _, item in said],
        stop_seqs=[None if item.stop_seq == NO_STOP else item.stop_seq for _, item in said],
        plus_minus_s=[item.plus_minus_s for _, item in said],
        private_ciphers=private or [None] * len(said),
    )
    return {
        (row["order_id"], row["source"], row["source_key"], row["kind"]): row["evidence_id"]
        async for row in rows
    }
