"""The outbox: notices written with what they tell of, leased by a sender, and their deliveries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from uuid_utils.compat import uuid7

from domain.access import Principal
from domain.notices import LINK, News, due, rules_for, why_not_sent
from domain.rules import NoticeRule, Rules
from store import rules as rule_store
from store.cipher import Cipher
from store.errors import NotFound
from store.pool import Connection
from store.queries import load

_queries = load("notices")
LEASE = timedelta(minutes=2)
SECRET_CONTEXT = b"endpoint.secret"
BODY_CONTEXT = b"notice.body"


@dataclass(frozen=True, slots=True)
class Told:
    """An order and the news of it; `zone` is where its night is."""

    order_id: int
    depot_id: int
    contact_id: int | None
    zone: ZoneInfo
    news: tuple[News, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice to send, with what is known of its order now; url None where nothing takes it."""

    notice_id: int
    public_id: UUID
    order_id: int
    event: str
    event_at: datetime
    detail: dict[str, Any]
    recipient: str
    channel: str
    attempts: int
    created_at: datetime
    body_cipher: bytes | None
    order_public_id: UUID
    number: str
    channel_reference: str | None
    waybill: str | None
    promised_at: datetime
    contact_id: int | None
    depot_id: int
    state: str
    time_zone: str
    endpoint_id: int | None
    url: str | None
    secret_cipher: bytes | None
    disabled: bool
    p50_at: datetime | None
    p90_at: datetime | None


def sealed_secret(cipher: Cipher, secret: str) -> bytes:
    """An endpoint's signing secret as it is stored."""
    return cipher.encrypt(secret.encode(), SECRET_CONTEXT)


def opened_secret(cipher: Cipher, sealed: bytes) -> str:
    """An endpoint's signing secret as it is used."""
    return cipher.decrypt(sealed, SECRET_CONTEXT).decode()


async def tell(connection: Connection, news: dict[int, News], now: datetime) -> int:
    """Write the notices of one piece of news for each of these orders; returns how many were written."""
    if not news:
        return 0
    rows = _queries.told_orders(connection, order_ids=sorted(news))
    told = [
        Told(
            row["order_id"],
            row["depot_id"],
            row["contact_id"],
            ZoneInfo(row["time_zone"]),
            (news[row["order_id"]],),
        )
        async for row in rows
    ]
    return await write(connection, await rule_store.in_force(connection), told, now)


async def write(connection: Connection, rules: Rules, told: Sequence[Told], now: datetime) -> int:
    """Write what the rules want told, in the caller's transaction; what was written before stays as it is.

    Returns how many were written.
    """
    if not told:
        return 0
    depot_ids = sorted({one.depot_id for one in told})
    endpoints = [row async for row in _queries.endpoints(connection, depot_ids=depot_ids)]
    rows = [
        {
            "public_id": uuid7(),
            "order_id": one.order_id,
            "event": news.event,
            "event_key": news.key,
            "event_at": news.at,
            "detail": {"roles": news.roles},
            "recipient": rule.recipient,
            "channel": rule.channel,
            "endpoint_id": endpoint_id,
            "due_at": due(rule, rules.quiet_hours, one.zone, now),
            "suppressed": why_not_sent(news, rule, now),
        }
        for one in told
        for news in one.news
        for rule in rules_for(news.event, rules.notices)
        for endpoint_id in _recipients(one, news, rule, endpoints)
    ]
    return len([row async for row in _queries.write(connection, notices=rows, now=now)]) if rows else 0


def _recipients(one: Told, news: News, rule: NoticeRule, endpoints: Sequence[Any]) -> Iterator[int | None]:
    """The endpoints a rule means; None stands for the customer, whose address is looked up when sending."""
    if rule.recipient == "customer":
        if one.contact_id is not None and not news.roles:
            yield None
        return
    for endpoint in endpoints:
        wanted = not endpoint["events"] or news.event in endpoint["events"]
        if endpoint["depot_id"] == one.depot_id and wanted and _is_for(rule, news, endpoint["role"]):
            yield endpoint["endpoint_id"]


def _is_for(rule: NoticeRule, news: News, role: str | None) -> bool:
    """Partners do not hear of what concerns roles inside."""
    if rule.recipient == "partner":
        return role is None and not news.roles and news.event != LINK
    return role is not None and role in news.roles


async def lease(connection: Connection, now: datetime, *, limit: int = 50) -> list[Notice]:
    """Take notices that are due; commit before sending. Without a result they come back at its end."""
    ids = [
        row["notice_id"]
        async for row in _queries.lease(connection, now=now, until=now + LEASE, limit_rows=limit)
    ]
    if not ids:
        return []
    return [Notice(**row) async for row in _queries.to_send(connection, notice_ids=ids)]


@dataclass(frozen=True, slots=True)
class Standing:
    """How the outbox stands: notices waiting, how long the one longest due has waited, and those given up."""

    waiting: int
    longest_due_s: float
    given_up: int


async def standing(connection: Connection, now: datetime) -> Standing:
    """How the outbox stands now."""
    row = await _queries.standing(connection, now=now)
    return Standing(row["waiting"], float(row["longest_due_s"]), row["given_up"])


async def keep_body(connection: Connection, notice_id: int, body_cipher: bytes) -> None:
    """Keep what is sent, so that it is the same each time."""
    await _queries.keep_body(connection, notice_id=notice_id, body_cipher=body_cipher)


async def log_delivery(
    connection: Connection, notice_id: int, at: datetime, status: int | None, error: str | None
) -> None:
    """Write down one attempt."""
    await _queries.log_delivery(connection, notice_id=notice_id, at=at, status=status, error=error)


async def mark_sent(connection: Connection, notice: Notice, now: datetime) -> None:
    """The recipient's side took it."""
    await _queries.sent(connection, notice_id=notice.notice_id, now=now)
    if notice.endpoint_id is not None:
        await _queries.endpoint_works(connection, endpoint_id=notice.endpoint_id)


async def mark_failed(
    connection: Connection, notice: Notice, now: datetime, error: str, retry_at: datetime | None
) -> datetime | None:
    """Put off to `retry_at`, or give up (None); returns since when the endpoint has failed."""
    if retry_at is None:
        await _queries.dead(connection, notice_id=notice.notice_id, now=now, error=error)
    else:
        await _queries.retry(connection, notice_id=notice.notice_id, due_at=retry_at, error=error)
    if notice.endpoint_id is None:
        return None
    since: datetime = await _queries.endpoint_fails(connection, endpoint_id=notice.endpoint_id, now=now)
    return since


async def disable(connection: Connection, endpoint_id: int, now: datetime, reason: str) -> None:
    """Send nothing more to an endpoint until somebody enables it again."""
    await _queries.disable_endpoint(connection, endpoint_id=endpoint_id, now=now, reason=reason)


async def replay(connection: Connection, principal: Principal, public_id: UUID, now: datetime) -> None:
    """Send a notice again from the start; NotFound when there is none."""
    if await _queries.replay(connection, public_id=public_id, now=now, depots=principal.depots) is None:
        raise NotFound(f"There is no notice {public_id}.")


async def list_page(
    connection: Connection,
    principal: Principal,
    *,
    order_id: UUID | None = None,
    only_dead: bool = False,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Notices, the newest first."""
    rows = _queries.list_page(
        connection, depots=principal.depots, order_id=order_id, only_dead=only_dead, limit_rows=limit
    )
    return [dict(row) async for row in rows]


async def deliveries(connection: Connection, principal: Principal, public_id: UUID) -> list[dict[str, Any]]:
    """The attempts to send a notice, the first one first; NotFound when the principal sees no such notice."""
    if not await _queries.is_visible(connection, public_id=public_id, depots=principal.depots):
        raise NotFound(f"There is no notice {public_id}.")
    return [dict(row) async for row in _queries.deliveries(connection, public_id=public_id)]


async def add_endpoint(
    connection: Connection,
    *,
    public_id: UUID,
    depot_id: int,
    kind: str,
    role: str | None,
    url: str,
    secret_cipher: bytes,
    events: Collection[str],
    now: datetime,
) -> None:
    """Add where notices go, in a depot the caller has looked up."""
    await _queries.add_endpoint(
        connection,
        public_id=public_id,
        depot_id=depot_id,
        kind=kind,
        role=role,
        url=url,
        secret_cipher=secret_cipher,
        events=sorted(events),
        now=now,
    )


async def list_endpoints(connection: Connection, principal: Principal) -> list[dict[str, Any]]:
    """Where notices go."""
    return [dict(row) async for row in _queries.list_endpoints(connection, depots=principal.depots)]


async def set_enabled(
    connection: Connection, principal: Principal, public_id: UUID, *, enabled: bool, now: datetime
) -> None:
    """Send to an endpoint again, or no more; NotFound when there is none."""
    found = await _queries.set_endpoint_enabled(
        connection, public_id=public_id, enabled=enabled, now=now, depots=principal.depots
    )
    if found is None:
        raise NotFound(f"There is no endpoint {public_id}.")
