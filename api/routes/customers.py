"""What the law gives customers: their data, and its end."""

from __future__ import annotations

from fastapi import APIRouter

from api.auth import Staff
from api.schemas.customers import CustomerData, Erased, Erasure, WhichCustomer
from api.services import Api
from store import customers
from store.customers import Wanted

router = APIRouter(prefix="/v1/customers", tags=["customers"])


@router.post("/export")
async def export_customer(given: WhichCustomer, api: Api, principal: Staff) -> CustomerData:
    """All that is kept of a customer, in the clear; that it was given out is written down."""
    async with api.writing() as work:
        customer = await customers.find(work.connection, principal, api.cipher, _wanted(given))
        document = await customers.export(work.connection, principal, api.cipher, customer)
        await customers.note(work.connection, principal, "export", customer, api.sources.clock())
    return CustomerData(**document)


@router.post("/erasure")
async def erase_customer(given: Erasure, api: Api, principal: Staff) -> Erased:
    """Erase what names or places a customer; milestones and times of the orders stay."""
    now = api.sources.clock()
    async with api.writing() as work:
        customer = await customers.find(work.connection, principal, api.cipher, _wanted(given))
        erased = await customers.erase(
            work.connection, principal, api.cipher, customer, now, also_open=given.also_open
        )
        await customers.note(work.connection, principal, "erase", customer, now)
        work.tell("order", erased.order_ids)
    return Erased(
        contacts=len(erased.contact_ids), orders=len(erased.order_ids), account=erased.user_id is not None
    )


def _wanted(given: WhichCustomer) -> Wanted:
    return Wanted(phone=given.phone, order_id=given.order_id)
