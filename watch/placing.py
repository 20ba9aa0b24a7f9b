"""Finds the points of addresses, outside transactions, and learns from deliveries where they really are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from domain.access import Principal
from domain.addresses import AddressRule, Placed, Placing, distance_m, judge
from domain.gazetteer import Division, Finding
from domain.happenings import Happening
from domain.milestones import Evidence
from domain.retries import retry_at
from geo.divisions import china
from geo.geocoders import Geocoder, NoAnswer
from store import addresses, contacts, evidence, rules
from store.addresses import Due
from store.border import translated
from store.cipher import Cipher
from store.errors import StoreError
from store.pool import Connection, open_connection
from store.unit_of_work import unit_of_work

IDLE_S = 2.0
AT_ONCE = 20
NO_GEOCODER = "no geocoder is set (ZAITU_GEOCODER_URL)"
_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Placer:
    """Places addresses and learns points; geocoder None: nothing can be asked."""

    principal: Principal
    cipher: Cipher
    geocoder: Geocoder | None
    clock: Callable[[], datetime]

    async def work_off(self, connection: Connection) -> int:
        """Place what is due and learn from what was handed over; returns how many orders it looked at."""
        return await self.place_due(connection) + await self.learn(connection)

    async def place_due(self, connection: Connection) -> int:
        """Ask the geocoder for the addresses that are due."""
        async with unit_of_work(connection) as work:
            due = await addresses.lease(work.connection, self.clock(), AT_ONCE)
            rule = (await rules.in_force(work.connection)).addresses
        for one in due:
            placed = await self._ask(connection, one, rule)
            await self._settle(connection, one, placed)
        return len(due)

    async def learn(self, connection: Connection) -> int:
        """Compare deliveries with their addresses, and remember where they were handed over."""
        async with unit_of_work(connection) as work:
            found = await addresses.handed_over(work.connection, AT_ONCE)
            for delivery in found:
                contact = await contacts.get(
                    work.connection, self.principal, self.cipher, delivery.contact_id
                )
                planned = None if contact is None else contact.point
                off_m = None if planned is None else distance_m(planned, delivery.point)
                await addresses.learn(work.connection, self.cipher, delivery, off_m, self.clock())
        return len(found)

    async def _ask(self, connection: Connection, due: Due, rule: AddressRule) -> Placed | NoAnswer:
        if self.geocoder is None:
            return Placed(Placing.UNPLACED, NO_GEOCODER, due.division)
        contact = await contacts.get(connection, self.principal, self.cipher, due.contact_id)
        if contact is None or contact.address is None:
            return Placed(Placing.UNPLACED, "the contact was erased", due.division)
        division = None if due.division is None else china().division(due.division)
        try:
            places = await self.geocoder.find(_in_full(contact.address, division))
        except NoAnswer as exc:
            return exc
        return judge(places, division, rule)

    async def _settle(self, connection: Connection, due: Due, placed: Placed | NoAnswer) -> None:
        now = self.clock()
        async with unit_of_work(connection) as work:
            if not await addresses.still_pending(work.connection, due):
                return
            if isinstance(placed, NoAnswer):
                _log.warning("address not placed", order_id=due.order_id, reason=str(placed))
                again = retry_at(due.attempts, now)
                await addresses.put_off(work.connection, due, str(placed), again)
            else:
                await addresses.settle(
                    work.connection, self.cipher, due.order_id, due.contact_id, placed, now
                )
                if placed.placing is Placing.REVIEW:
                    said = Evidence(Happening.ADDRESS_REVIEW, now, "watch", f"geocoder/{now.isoformat()}")
                    await evidence.add(work.connection, self.cipher, due.order_id, said)
                    await evidence.record_evidence(work, [due.order_id], now)
            work.tell("order", [due.order_id])


def _in_full(address: str, division: Division | None) -> str:
    """The address as the geocoder should read it: with its division where it does not say it itself."""
    if division is None:
        return address
    check = china().check(address)
    if check.finding is Finding.FOUND and check.divisions[0].code == division.code:
        return division.label + check.rest
    return f"{division.label} {address}"


async def keep_placing(database_url: str, placer: Placer) -> None:
    """Place and learn until cancelled; a lost connection is opened again. Several may run."""
    while True:
        try:
            with translated():
                connection = await open_connection(database_url)
                try:
                    while True:
                        if await placer.work_off(connection) == 0:
                            await asyncio.sleep(IDLE_S)
                finally:
                    connection.terminate()
        except StoreError as exc:
            _log.warning("addresses put off", reason=str(exc))
            await asyncio.sleep(IDLE_S)
