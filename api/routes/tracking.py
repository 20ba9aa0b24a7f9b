"""What the holder of a share link reads: one view of the order, once or live."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request, Response

from api.schemas.tracking import TrackingView
from api.services import Api
from api.streams import EventStream, event_stream, order_events
from api.tracking_view import TrackingViews, entity_tag
from store import tracking
from store.errors import NotFound
from store.share_links import token_hash

_UNKNOWN = "This link leads nowhere: it is mistyped, has expired or was withdrawn. Ask for a new one."

Token = Annotated[str, Path(max_length=200, description="from the share link")]


def views(request: Request) -> TrackingViews:
    """The application's views."""
    made: TrackingViews = request.app.state.tracking_views
    return made


Views = Annotated[TrackingViews, Depends(views)]
router = APIRouter(prefix="/v1/track", tags=["tracking"])


@router.get(
    "/{token}",
    response_model=TrackingView,
    responses={HTTPStatus.NOT_MODIFIED: {"description": "nothing but the clock moved"}},
)
async def get_tracking(
    token: Token,
    api: Api,
    made: Views,
    response: Response,
    if_none_match: Annotated[str | None, Header()] = None,
) -> TrackingView | Response:
    """Everything the customer may see of the order; the ETag stays as long as nothing but the clock moved."""
    now = api.sources.clock()
    async with api.reading_views() as connection:
        order = await tracking.view(connection, api.cipher, token_hash(token), now)
        if order is None:
            raise NotFound(_UNKNOWN)
        view = await made.view_of(connection, order, now)
    tag = entity_tag(view)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in (if_none_match or ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    response.headers.update(headers)
    return view


@router.get("/{token}/events", response_class=EventStream)
async def follow_tracking(token: Token, api: Api, made: Views) -> EventStream:
    """The same view as events: `view` at once and after each change, `end` when the link ends."""
    async with api.reading_views() as connection:
        order_id = await tracking.order_of_link(connection, token_hash(token), api.sources.clock())
    if order_id is None:
        raise NotFound(_UNKNOWN)
    return event_stream(order_events(api, made, token_hash(token), order_id))
