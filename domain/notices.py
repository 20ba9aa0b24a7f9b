"""What is worth telling, to whom, and when: pure; the rules are values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from domain.account import Account
from domain.happenings import Happening, State
from domain.milestones import Evidence, Stage, by_rank
from domain.rules import NoticeRule, QuietHours

ANY_EVENT = "*"
TOO_OLD = "too_old"
APPROACHING = "approaching"
LINK = "link"
"""The customer asked for the link again: nobody else hears of it."""
EVENTS = (
    "received", "dispatched", "out_for_delivery", APPROACHING, "new_window", "exception_opened",
    "exception_resolved", "delivered", "survey", LINK,
)  # fmt: skip
"""What customers and partners can hear of."""
CHANNELS_OF = {
    "customer": ("sms", "wechat", "email"),
    "partner": ("webhook",),
    "roles": ("webhook",),
}
"""How each recipient can be reached."""
ROLE_EVENTS = ("stage_warned", "stage_overdue")
"""What those inside can hear of."""

_TOLD_STAGES = (Stage.RECEIVED, Stage.DISPATCHED, Stage.OUT_FOR_DELIVERY, Stage.DELIVERED)
_ENDINGS_WORTH_TELLING = frozenset({Happening.EXCEPTION_RESOLVED, Stage.OUT_FOR_DELIVERY})


@dataclass(frozen=True, slots=True)
class News:
    """Something about an order; `key` tells repeated events apart, `roles` whom it is for inside."""

    event: str
    at: datetime
    key: str = ""
    roles: tuple[str, ...] = ()


def news_of(account: Account) -> list[News]:
    """Everything that has happened to an order and is worth telling; each is told once."""
    news = list(_milestones(account))
    if account.approached_at is not None:
        news.append(News(APPROACHING, account.approached_at))
    for first, ended_by in _troubles(account):
        key = f"{first.source}/{first.source_key}"
        news.append(News("exception_opened", first.at, key))
        if ended_by is not None and ended_by.kind in _ENDINGS_WORTH_TELLING:
            news.append(News("exception_resolved", ended_by.at, key))
    return news


def _troubles(account: Account) -> list[tuple[Evidence, Evidence | None]]:
    """Exceptions that overlap are one: what opened it first, and what ended the last of it, if all is over.

    Thirty packages nobody was at home for are one piece of news, not thirty.
    """
    spells = sorted(
        (spell for spell in account.spells if spell.state is State.EXCEPTION),
        key=lambda spell: by_rank(spell.opened_by),
    )
    troubles: list[tuple[Evidence, Evidence | None]] = []
    for spell in spells:
        first, ended_by = troubles[-1] if troubles else (spell.opened_by, spell.opened_by)
        if ended_by is None:
            continue
        if troubles and spell.opened_by.at < ended_by.at:
            later = None if spell.ended_by is None else max(ended_by, spell.ended_by, key=by_rank)
            troubles[-1] = (first, later)
        else:
            troubles.append((spell.opened_by, spell.ended_by))
    return troubles


def _milestones(account: Account) -> Iterator[News]:
    for milestone in account.milestones:
        if milestone.stage in _TOLD_STAGES and milestone.actual_at is not None:
            yield News(milestone.stage.value, milestone.actual_at)
            if milestone.stage is Stage.DELIVERED:
                yield News("survey", milestone.actual_at)


def rules_for(event: str, rules: Sequence[NoticeRule]) -> list[NoticeRule]:
    """The rules that speak of an event, to somebody who can be reached that way."""
    return [
        rule
        for rule in rules
        if rule.event in (event, ANY_EVENT) and rule.channel in CHANNELS_OF.get(rule.recipient, ())
    ]


def why_not_sent(news: News, rule: NoticeRule, now: datetime) -> str | None:
    """Why a notice is only written down: an event found late is no news."""
    return TOO_OLD if now - news.at > timedelta(minutes=rule.fresh_min) else None


def due(rule: NoticeRule, hours: QuietHours, zone: tzinfo, now: datetime) -> datetime:
    """When to send: now, or when the recipient's night is over."""
    local = now.astimezone(zone)
    begins, ends = time.fromisoformat(hours.begins), time.fromisoformat(hours.ends)
    if not rule.quiet or not _between(local.time(), begins, ends):
        return now
    morning = datetime.combine(local.date(), ends, zone)
    return (morning if morning > local else morning + timedelta(days=1)).astimezone(UTC)


def _between(clock: time, begins: time, ends: time) -> bool:
    """Whether a time of day lies in a period, which may span midnight."""
    if begins <= ends:
        return begins <= clock < ends
    return clock >= begins or clock < ends
