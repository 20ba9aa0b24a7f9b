"""Where notices go, and what became of them."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from api.schemas.base import Name, Request, Response, Time


class NewEndpoint(Request):
    """A partner's webhook, or the adapter of a carrier of short messages."""

    depot_id: UUID
    kind: Literal["webhook", "sms", "wechat"] = "webhook"
    role: Name | None = Field(default=None, description="gets this role's escalations instead of a partner's")
    url: str = Field(pattern=r"^https?://[^\s]+$", max_length=2000)
    events: list[Name] = Field(default_factory=list, max_length=50, description="default: all")


class Endpoint(Response):
    """Where notices go; disabled by hand, or because it failed for a day or answered 410."""

    id: UUID
    depot_id: UUID
    kind: str
    role: str | None
    url: str
    events: list[str]
    created_at: Time
    failing_since: Time | None
    disabled_at: Time | None
    disabled_reason: str | None


class AddedEndpoint(Response):
    """A new endpoint: the signing secret is shown this once."""

    id: UUID
    secret: str


class Delivery(Response):
    """One attempt to send a notice."""

    at: Time
    status: int | None
    error: str | None


class Notice(Response):
    """What an order's recipient is told; `suppressed` says why it never is."""

    id: UUID
    order_id: UUID
    order_number: str
    event: str
    event_at: Time
    recipient: str
    channel: str
    endpoint_id: UUID | None
    created_at: Time
    due_at: Time
    attempts: int
    sent_at: Time | None
    dead_at: Time | None
    suppressed: str | None
    last_error: str | None
