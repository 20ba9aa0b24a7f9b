"""What the holder of a share link reads: one view of the order, once or live."""

from __future__ import annotations

import hmac
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request, Response

from api.client_address import client_address
from api.guessing import count_guess
from api.schemas.tracking import LookedUp, LookUp, TrackingView
from api.services import Api
from api.streams import EventStream, event_stream, order_events
from api.tracking_view import TrackingViews, entity_tag
from store import sessions, share_links, tracking
from store.errors import NotFound
from store.sessions import Limit
from store.share_links import token_hash

_UNKNOWN = "This link leads nowhere: it is mistyped, has expired or was withdrawn. Ask for a new one."

# There are ten thousand ends of phone numbers: at five an hour, an order's holds for weeks.
BY_NUMBER = Limit(most=5, window=timedelta(hours=1), locked_for=timedelta(hours=1))
BY_ADDRESS = Limit(most=5, window=timedelta(minutes=15), locked_for=timedelta(minutes=15))
_NO_MATCH = "No order under way has this number and a phone number that ends like this. Check both."

Token = Annotated[str, Path(max_length=200, description="from the share link")]


async def views(request: Request) -> TrackingViews:
    """The application's views."""
    made: TrackingViews = request.app.state.tracking_views
    return made


Views = Annotated[TrackingViews, Depends(views)]
router = APIRouter(prefix="/v1/track", tags=["tracking"])


@router.post("/lookup")
async def look_up(given: LookUp, request: Request, api: Api) -> LookedUp:
    """A link to the order with this number, for whoever knows the last four digits of its phone number.

    Five wrong guesses at one number, or from one address, lock it; the answer, and the time it takes, are the
    same whether there is such an order or not.
    """
    now = api.sources.clock()
    by_number = sessions.subject_of("look-up number", given.number)
    by_address = sessions.subject_of("look-up address", client_address(request))
    await count_guess(api, {by_number: BY_NUMBER, by_address: BY_ADDRESS}, now)
    async with api.reading() as connection:
        rule = (await api.rules.in_force(connection, now)).sharing
        found = await tracking.find_by_number(connection, api.cipher, given.number, rule.grace, now)
    if found is None or not hmac.compare_digest(found.last4, given.phone_last4):
        raise NotFound(_NO_MATCH)
    token, expires_at = api.sources.new_token(), now + rule.lookup_lasts
    async with api.writing() as work:
        await sessions.forgive(work.connection, by_number)
        await sessions.take_back(work.connection, by_address)
        await share_links.add(work.connection, found.order_id, token, expires_at)
    return LookedUp(token=token, expires_at=expires_at)


@router.get(
    "/{token}",
    response_model=TrackingView,
    responses={HTTPStatus.NOT_MODIFIED: {"description": "nothing but the clock moved"}},
)
async def get_tracking(
    token: Token,
    api: Api,
    made: Views,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Everything the customer may see of the order; the ETag stays as long as nothing but the clock moved."""
    now = api.sources.clock()
    async with api.reading_views() as connection:
        rule = (await api.rules.in_force(connection, now)).sharing
        order = await tracking.view(connection, api.cipher, token_hash(token), rule.grace, now)
        if order is None:
            raise NotFound(_UNKNOWN)
        view = await made.view_of(connection, order, rule, now)
    tag = entity_tag(view)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in (if_none_match or ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    # Written here: FastAPI would check every value of the view once more, and customers ask most.
    return Response(view.model_dump_json(), media_type="application/json", headers=headers)


@router.get("/{token}/events", response_class=EventStream)
async def follow_tracking(token: Token, api: Api, made: Views) -> EventStream:
    """The same view as events: `view` at once and after each change, `end` when the link ends."""
    async with api.reading_views() as connection:
        now = api.sources.clock()
        grace = (await api.rules.in_force(connection, now)).sharing.grace
        order_id = await tracking.order_of_link(connection, token_hash(token), grace, now)
    if order_id is None:
        raise NotFound(_UNKNOWN)
    return event_stream(order_events(api, made, token_hash(token), order_id))
