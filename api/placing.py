"""Where an order goes, when it comes in, when its contact changes, and when somebody chooses."""

from __future__ import annotations

from datetime import datetime

from api.problems import unusable
from api.schemas.orders import AddressChoice, Contact
from api.services import Services
from domain.access import Principal
from domain.addresses import Placed, Placing, Point, place
from domain.gazetteer import Finding
from domain.happenings import Happening
from domain.milestones import Evidence
from geo.divisions import china
from store import addresses, evidence, intake
from store.errors import Conflict
from store.pool import Connection

_WHERE = {"address", "lat", "lon"}


async def at_intake(
    connection: Connection,
    api: Services,
    order_id: int,
    contact_id: int | None,
    contact: Contact | None,
    now: datetime,
    *,
    corrected: bool = False,
) -> Placed | None:
    """Check the address of an order and write down what came of it; None where it has none."""
    if contact is None or contact_id is None or (contact.address is None and contact.lat is None):
        return None
    given = _point(contact)
    if contact.address is None:
        placed = Placed(Placing.GIVEN, point=given)
    else:
        learned = None
        if given is None:
            learned = await addresses.known_point(connection, api.cipher, contact.address)
        placed = place(contact.address, given, learned, china().check)
    await addresses.write(
        connection, api.cipher, order_id, contact_id, contact.address, placed, now, corrected=corrected
    )
    return placed


async def after_change(
    connection: Connection,
    api: Services,
    principal: Principal,
    order_id: int,
    contact_id: int,
    before: Contact,
    after: Contact,
    now: datetime,
) -> None:
    """Place the address of a changed contact; where it is the same, what came of it is kept."""
    former = await addresses.of_order(connection, principal, api.cipher, order_id)
    if before.model_dump(include=_WHERE) == after.model_dump(include=_WHERE):
        if former is not None:
            await addresses.carry_over(connection, api.cipher, contact_id, after.address, former)
        return
    placed = await at_intake(connection, api, order_id, contact_id, after, now, corrected=former is not None)
    was_in_review = former is not None and former.placing is Placing.REVIEW
    is_in_review = placed is not None and placed.placing is Placing.REVIEW
    if was_in_review != is_in_review:
        kind = Happening.ADDRESS_REVIEW if is_in_review else Happening.ADDRESS_CONFIRMED
        await _say(connection, api, principal, order_id, kind, now)


async def choose(
    connection: Connection,
    api: Services,
    principal: Principal,
    order_id: int,
    choice: AddressChoice,
    now: datetime,
) -> None:
    """Send an order the caller has locked to one of the candidates, or to a point."""
    known = await intake.current(connection, order_id)
    if known.closed_at is not None:
        raise Conflict(f"The order is closed ({known.state}): where it goes cannot be changed any more.")
    former = await addresses.of_order(connection, principal, api.cipher, order_id)
    if former is None or known.contact_id is None:
        raise Conflict("The order has no address. Give it one: PATCH its contact.")
    placed = _chosen(choice, former)
    await addresses.settle(connection, api.cipher, order_id, known.contact_id, placed, now, corrected=True)
    if former.placing is Placing.REVIEW:
        await _say(connection, api, principal, order_id, Happening.ADDRESS_CONFIRMED, now)


def _chosen(choice: AddressChoice, former: addresses.OrderAddress) -> Placed:
    if choice.lat is not None and choice.lon is not None:
        return Placed(Placing.CHOSEN, division=former.division, point=(choice.lat, choice.lon))
    if choice.candidate is None or choice.candidate >= len(former.candidates):
        raise unusable(f"the order has {len(former.candidates)} candidates", "/candidate")
    candidate = former.candidates[choice.candidate]
    if candidate.point is not None:
        return Placed(Placing.CHOSEN, division=former.division, point=candidate.point)
    check = china().check(candidate.label)
    if check.finding is not Finding.FOUND:
        raise unusable(f"{candidate.label} is no city: give lat and lon", "/candidate")
    return Placed(Placing.PENDING, "the geocoder has not been asked yet", check.divisions[0].code)


async def _say(
    connection: Connection, api: Services, principal: Principal, order_id: int, kind: Happening, now: datetime
) -> None:
    said = Evidence(kind, now, "api", f"address/{now.isoformat()}", actor=principal.name)
    await evidence.add(connection, api.cipher, order_id, said)


def _point(contact: Contact) -> Point | None:
    return None if contact.lat is None or contact.lon is None else (contact.lat, contact.lon)
