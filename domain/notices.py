"""What is worth telling, to whom, and when: pure; the rules are values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from domain.account import Account
from domain.happenings import Happening, State
from domain.milestones import Stage
from domain.rules import NoticeRule, QuietHours

ANY_EVENT = "*"
TOO_OLD = "too_old"
APPROACHING = "approaching"

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
    for spell in account.spells:
        if spell.state is State.EXCEPTION:
            key = f"{spell.opened_by.source}/{spell.opened_by.source_key}"
            news.append(News("exception_opened", spell.opened_by.at, key))
            if spell.ended_by is not None and spell.ended_by.kind in _ENDINGS_WORTH_TELLING:
                news.append(News("exception_resolved", spell.ended_by.at, key))
    return news


def _milestones(account: Account) -> Iterator[News]:
    for milestone in account.milestones:
        if milestone.stage in _TOLD_STAGES and milestone.actual_at is not None:
            yield News(milestone.stage.value, milestone.actual_at)
            if milestone.stage is Stage.DELIVERED:
                yield News("survey", milestone.actual_at)


def rules_for(event: str, rules: Sequence[NoticeRule]) -> list[NoticeRule]:
    """The rules that speak of an event."""
    return [rule for rule in rules if rule.event in (event, ANY_EVENT)]


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
