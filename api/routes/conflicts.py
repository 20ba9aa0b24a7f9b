"""What contradicts itself about orders, and what people found out about it."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from api.auth import Staff
from api.order_view import conflict_of
from api.schemas.base import Page
from api.schemas.orders import Conflict, Settlement
from api.services import Api, Limit
from store import audit, conflicts

router = APIRouter(prefix="/v1/conflicts", tags=["orders"])


@router.get("")
async def list_conflicts(api: Api, principal: Staff, limit: Limit = 100) -> Page[Conflict]:
    """The conflicts nobody has settled and no later facts have resolved, the newest first."""
    async with api.reading() as connection:
        found = await conflicts.unsettled(connection, principal, limit)
    return Page(items=[conflict_of(api, principal, one) for one in found])


@router.post("/{conflict_id}/settlement")
async def settle_conflict(conflict_id: UUID, given: Settlement, api: Api, principal: Staff) -> Page[Conflict]:
    """Say what came of a conflict; the answer is every conflict of its order."""
    now = api.sources.clock()
    async with api.writing() as work:
        order_id = await conflicts.settle(
            work.connection,
            principal,
            conflict_id,
            by=principal.name,
            reason_cipher=conflicts.seal_reason(api.cipher, given.reason),
            now=now,
        )
        await audit.record(work.connection, principal, "settle", f"conflict:{conflict_id}", {}, now)
        work.tell("order", [order_id])
        found = await conflicts.of_order(work.connection, principal, order_id)
    return Page(items=[conflict_of(api, principal, one) for one in found])
