"""Reports about how well things went."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import Staff
from api.schemas.reports import AddressErrors
from api.services import Api
from store import addresses, rules

router = APIRouter(prefix="/v1/reports", tags=["reports"])


@router.get("/address-errors")
async def address_errors(
    api: Api, principal: Staff, days: Annotated[float, Query(gt=0, le=400, allow_inf_nan=False)] = 30.0
) -> AddressErrors:
    """How right the addresses of the orders of the last days were."""
    since = api.sources.clock() - timedelta(days=days)
    async with api.reading() as connection:
        rule = (await rules.in_force(connection)).addresses
        found = await addresses.report(connection, principal, since, rule.error_m)
    return AddressErrors(
        since=since,
        orders=found.orders,
        wrong=found.wrong,
        corrected=found.corrected,
        delivered_elsewhere=found.delivered_elsewhere,
        in_review=found.in_review,
        without_point=found.without_point,
        error_rate=found.error_rate,
        error_m=rule.error_m,
        target=rule.target,
        meets_target=found.error_rate <= rule.target,
    )
