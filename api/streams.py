"""Event streams (server-sent events): a customer's view of one order, and staff's news of everything."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from fastapi.responses import StreamingResponse

from api.live import NOUN_OF, Key, Subscription
from api.names import PublicNames
from api.services import Services
from api.tracking_view import TrackingViews
from domain.access import Principal
from store import changes, tracking
from store.changes import Change, ChangeKind, Cursor
from store.errors import Unavailable
from store.tracking import TrackedOrder

HEARTBEAT_S = 15.0
REFRESH_S = 60.0
SHORTEST_GAP_S = 0.25
RETRY_S = 2.0
BATCH = 1000

HEARTBEAT = b": still here\n\n"
RETRY = b"retry: 2000\n\n"


class EventStream(StreamingResponse):
    """A response of server-sent events."""

    media_type = "text/event-stream"


def event_stream(events: AsyncIterator[bytes]) -> EventStream:
    """Answer with these events; the header asks proxies not to hold them back."""
    return EventStream(events, headers={"X-Accel-Buffering": "no"})


def event(name: str, data: str, cursor: Cursor | None = None) -> bytes:
    """One event as it goes over the wire; `data` is one line."""
    place = "" if cursor is None else f"id: {cursor}\n"
    return f"{place}event: {name}\ndata: {data}\n\n".encode()


async def order_events(
    api: Services, views: TrackingViews, token_hash: bytes, order_id: int
) -> AsyncIterator[bytes]:
    """The order's whole view at once, then again after every change of it; ends with the link.

    A view is read after listening for what could change it, so no change is missed; several changes in a
    quarter of a second make one view. Reconnecting needs no history: the first view is the newest.
    """
    with api.metrics.streams.labels("customer").track_inprogress(), api.live.subscription() as ear:
        api.live.listen_to(ear, [("order", order_id)])
        yield RETRY
        while not ear.closed:
            ear.settle()
            cursor = api.live.cursor
            try:
                order, view = await _read_view(api, views, token_hash)
            except Unavailable:
                await asyncio.sleep(RETRY_S)
                yield HEARTBEAT
                continue
            if order is None:
                yield event("end", "{}")
                return
            if api.live.listen_to(ear, _keys(order)):
                continue
            api.metrics.views.inc()
            yield event("view", view, cursor)
            expires_at = order.expires_at
            # Thousands of streams wait at once: what they have sent is not kept meanwhile.
            del order, view
            await asyncio.sleep(SHORTEST_GAP_S)
            async for heartbeat in _until_news(api, ear, expires_at):
                yield heartbeat


async def _read_view(
    api: Services, views: TrackingViews, token_hash: bytes
) -> tuple[TrackedOrder | None, str]:
    now = api.sources.clock()
    async with api.reading_views() as connection:
        rule = (await api.rules.in_force(connection, now)).sharing
        order = await tracking.view(connection, api.cipher, token_hash, rule.grace, now)
        if order is None:
            return None, ""
        return order, (await views.view_of(connection, order, rule, now)).model_dump_json()


def _keys(order: TrackedOrder) -> Iterator[Key]:
    yield "order", order.order_id
    for trip_id in order.trip_ids:
        yield "trip", trip_id
    if order.vehicle_id is not None:
        yield "vehicle", order.vehicle_id


async def _until_news(api: Services, ear: Subscription, expires_at: datetime) -> AsyncIterator[bytes]:
    """Heartbeats until something happened, the link expired, or it is time to say that nothing did."""
    waited_s = 0.0
    while waited_s < REFRESH_S:
        left_s = (expires_at - api.sources.clock()).total_seconds()
        if left_s <= 0 or await ear.news(min(HEARTBEAT_S, left_s)):
            return
        waited_s += HEARTBEAT_S
        yield HEARTBEAT


async def staff_events(
    api: Services,
    names: PublicNames,
    principal: Principal,
    kinds: Collection[str],
    after: Cursor | None,
    *,
    forgotten: bool,
) -> AsyncGenerator[bytes, None]:
    """Which things changed, by kind and public id, from a cursor on (None: from now on), for ever.

    Every stream reads the change table at its own pace, so a slow one holds nothing up and misses nothing.
    The cursor comes with the last event of each batch: a reconnect repeats a batch rather than lose part of
    it. Event `reset` says that the changes the client missed are forgotten: it must read everything again.
    """
    with (
        api.metrics.streams.labels("staff").track_inprogress(),
        api.live.subscription(to_everything=True) as ear,
    ):
        cursor = after or api.live.cursor
        yield RETRY + event("reset" if forgotten else "hello", "{}", cursor)
        while not ear.closed:
            ear.settle()
            try:
                batch = await _read_changes(api, cursor)
                told = await _told(api, names, principal, kinds, batch)
            except Unavailable:
                await asyncio.sleep(RETRY_S)
                yield HEARTBEAT
                continue
            if batch:
                cursor = batch[-1].cursor
                yield _news(told, cursor)
            if len(batch) < BATCH:
                await asyncio.sleep(SHORTEST_GAP_S)
                if not await ear.news(HEARTBEAT_S):
                    yield HEARTBEAT


async def _read_changes(api: Services, cursor: Cursor) -> Sequence[Change]:
    async with api.reading() as connection:
        return await changes.read_after(connection, cursor, BATCH)


async def _told(
    api: Services,
    names: PublicNames,
    principal: Principal,
    kinds: Collection[str],
    batch: Sequence[Change],
) -> dict[str, list[UUID]]:
    """The public ids of what changed, by kind: only what the principal may see and asked for."""
    touched: dict[ChangeKind, set[int]] = {}
    for change in batch:
        if change.kind in NOUN_OF and (not kinds or change.kind in kinds):
            touched.setdefault(change.kind, set()).update(change.ids)
    told: dict[str, list[UUID]] = {}
    for kind, ids in touched.items():
        visible = await names.visible(api, principal, NOUN_OF[kind], ids)
        if visible:
            told[kind] = visible
    return told


def _news(told: dict[str, list[UUID]], cursor: Cursor) -> bytes:
    if not told:
        # A comment would not move the client's Last-Event-ID.
        return event("nothing", "{}", cursor)
    *others, last = (
        (kind, json.dumps({"ids": [str(public_id) for public_id in ids]})) for kind, ids in told.items()
    )
    return b"".join(event(kind, data) for kind, data in others) + event(*last, cursor)
