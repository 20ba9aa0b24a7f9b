"""Orders by the file: every row is accounted for."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from pydantic import ValidationError

from api.auth import Staff
from api.intake import take_in, used_before
from api.order_file import CSV, EXCEL, JSON_LINES, Row, TooMuch, UnreadableFile, UnreadableRow, rows_of
from api.problems import Refused
from api.schemas.orders import BulkAnswer, BulkRow, NewOrder
from api.services import Api, Services
from domain.access import Principal
from store import depots
from store.errors import Conflict, NotFound
from store.order_views import get

router = APIRouter(prefix="/v1/orders", tags=["orders"])
MOST_PROBLEMS = 20
DEFAULT_ZONE = "Asia/Shanghai"


_FILE = {"schema": {"type": "string"}}


@router.post(
    "/bulk",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                JSON_LINES: _FILE,
                CSV: _FILE,
                EXCEL: {"schema": {"type": "string", "format": "binary"}},
            },
        }
    },
)
async def create_orders(
    request: Request, api: Api, principal: Staff, depot_id: UUID | None = None
) -> BulkAnswer:
    """Add the orders of a file; each row is its own transaction, so that a bad one holds up no other.

    `depot_id` is for rows that name none; times of tables without a zone are in its zone, else in China's.
    Rows with a `client_key` may be sent again.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        zone = await _zone(api, principal, depot_id)
        # Off the event loop: everybody else would wait while a large workbook is read.
        rows = await asyncio.to_thread(rows_of, content_type, await request.body(), zone)
    except UnreadableFile as exc:
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, str(exc)) from exc
    except TooMuch as exc:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(exc)) from exc
    done = [await _take_row(api, principal, number, row, depot_id) for number, row in rows]
    return BulkAnswer(
        rows=len(done),
        created=sum(row.result == "created" for row in done),
        repeated=sum(row.result == "repeated" for row in done),
        refused=sum(row.result == "refused" for row in done),
        items=done,
    )


async def _zone(api: Services, principal: Principal, depot_id: UUID | None) -> ZoneInfo:
    if depot_id is None:
        return ZoneInfo(DEFAULT_ZONE)
    async with api.reading() as connection:
        return ZoneInfo((await depots.get(connection, principal, depot_id)).time_zone)


async def _take_row(
    api: Services, principal: Principal, number: int, row: Row, depot_id: UUID | None
) -> BulkRow:
    if isinstance(row, UnreadableRow):
        return BulkRow(row=number, result="refused", problems=[str(row)])
    given: dict[str, Any] = {"depot_id": depot_id, **row} if depot_id is not None else row
    try:
        new = NewOrder.model_validate(given)
        async with api.writing() as work:
            earlier = await used_before(work.connection, principal, new)
            public_id = earlier or await take_in(work, api, principal, new)
            order = await get(work.connection, principal, public_id)
    except ValidationError as exc:
        return BulkRow(row=number, result="refused", problems=_problems(exc))
    except (Conflict, NotFound, Refused) as exc:
        return BulkRow(row=number, result="refused", problems=[str(exc)])
    return BulkRow(
        row=number,
        result="repeated" if earlier else "created",
        order_id=order.public_id,
        number=order.number,
        state=order.state,
        missing=order.missing,
    )


def _problems(exc: ValidationError) -> list[str]:
    """The first wrong fields with what is wrong, never their values."""
    return [
        f"{'.'.join(str(part) for part in error['loc']) or 'the row'}: {error['msg']}"
        for error in exc.errors(include_url=False, include_input=False)[:MOST_PROBLEMS]
    ]
