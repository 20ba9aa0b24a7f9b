"""Customers' links to an order."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.auth import Staff
from api.schemas.orders import NewShareLink, ShareLink
from api.services import Api
from domain.notices import LINK, News
from store import audit, notices, orders, share_links

router = APIRouter(prefix="/v1/orders", tags=["orders"])


@router.post("/{order_id}/share-links", status_code=HTTPStatus.CREATED)
async def create_share_link(
    order_id: UUID, request: Request, api: Api, principal: Staff, new: NewShareLink | None = None
) -> ShareLink:
    """Make a link to the order's page for its customer; the token is shown only this once.

    With `send` the customer is told a link of its own as well, as the rules say (by default a short message).
    """
    wanted = new or NewShareLink()
    now, token, sent = api.sources.clock(), api.sources.new_token(), 0
    expires_at = now + timedelta(seconds=wanted.expires_in_s)
    async with api.writing() as work:
        internal_id, _ = await orders.lock(work.connection, principal, order_id)
        await share_links.add(work.connection, internal_id, token, expires_at)
        if wanted.send:
            news = News(LINK, now, key=now.isoformat())
            sent = await notices.tell(work.connection, {internal_id: news}, now)
            detail = {"notices": sent}
            await audit.record(work.connection, principal, "send_link", f"order:{internal_id}", detail, now)
        else:
            await audit.record(work.connection, principal, "make_link", f"order:{internal_id}", {}, now)
    return ShareLink(token=token, url=_address(request, token), expires_at=expires_at, notices=sent)


@router.delete("/{order_id}/share-links", status_code=HTTPStatus.NO_CONTENT)
async def revoke_share_links(order_id: UUID, api: Api, principal: Staff) -> Response:
    """End every link to the order; pages that are open end too."""
    now = api.sources.clock()
    async with api.writing() as work:
        internal_id, _ = await orders.lock(work.connection, principal, order_id)
        await share_links.revoke_all(work.connection, internal_id, now)
        await audit.record(work.connection, principal, "revoke_links", f"order:{internal_id}", {}, now)
        work.tell("order", [internal_id])
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _address(request: Request, token: str) -> str:
    """Where the settings say customers reach the page; the Host of a request is whatever its sender wrote."""
    public_url: str | None = request.app.state.public_url
    if public_url is None:
        return str(request.url_for("tracking_page", token=token))
    return f"{public_url.rstrip('/')}/track/{token}"
