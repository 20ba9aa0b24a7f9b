"""What a file of rules must not say: each would stop an order's fold later, or quietly do nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import time

from domain.access import Role
from domain.clocks import Clock
from domain.milestones import kind_of
from domain.notices import ANY_EVENT, CHANNELS_OF, EVENTS, ROLE_EVENTS
from domain.rules import NoticeRule, Rules

CALENDARS = ("always", "office")
PRIORITIES = ("urgent", "high", "regular", "low")
REQUIRABLE = (
    "contact.name", "contact.phone", "contact.address", "contact.email", "ordered_at", "items", "items.sku",
    "items.name", "items.specification", "items.quantity",
)  # fmt: skip
TRAITS = (
    "tagged_urgent", "custom", "customer_level", "return_without_fault", "surge", "production_at",
    "amount_class", "profit_class", "hold_reason",
)  # fmt: skip


def check(rules: Rules) -> None:
    """Raise ValueError, saying where, for what cannot be meant."""
    office, quiet = rules.office, rules.quiet_hours
    if _time(office.opens, "office.opens") >= _time(office.closes, "office.closes"):
        raise ValueError(f"the office closes at {office.closes}, before it opens at {office.opens}")
    _time(quiet.begins, "quiet_hours.begins")
    _time(quiet.ends, "quiet_hours.ends")
    _once((channel.name for channel in rules.channels), "channels")
    _once((clock.name for clock in rules.clocks), "clocks")
    for channel in rules.channels:
        for name in channel.required:
            _among(name, REQUIRABLE, f"channel {channel.name} requires")
    for rule in rules.priorities:
        _among(rule.priority, PRIORITIES, "a rule gives the priority")
        _traits(rule.when, f"the rule for {rule.priority}")
    for clock in rules.clocks:
        _check_clock(clock)
    for role in rules.duties:
        _among(role, tuple(Role), "duties are given to")
    for notice in rules.notices:
        _check_notice(notice)


def _check_clock(clock: Clock) -> None:
    for name in (*clock.start, clock.end):
        kind_of(name)
    _among(clock.calendar, CALENDARS, f"the clock {clock.name} names the calendar")
    _traits(clock.only_if, f"the clock {clock.name}")
    if clock.limit_min <= 0:
        raise ValueError(f"the clock {clock.name} needs a limit above 0 minutes")
    for limit in clock.limits:
        _traits(limit.when, f"a limit of the clock {clock.name}")
        if limit.until is not None:
            _among(limit.until, ("production_at",), f"a limit of the clock {clock.name} lasts until")
        if limit.limit_min is not None and limit.limit_min <= 0:
            raise ValueError(f"a limit of the clock {clock.name} must be above 0 minutes")


def _check_notice(notice: NoticeRule) -> None:
    where = f"the notice of {notice.event}"
    _among(notice.recipient, tuple(CHANNELS_OF), f"{where} names the recipient")
    events = ROLE_EVENTS if notice.recipient == "roles" else EVENTS
    _among(notice.event, (ANY_EVENT, *events), f"a notice to {notice.recipient} is of")
    _among(notice.channel, CHANNELS_OF[notice.recipient], f"{where} to {notice.recipient} goes by")


def _among(name: str, known: tuple[str, ...], where: str) -> None:
    if name not in known:
        raise ValueError(f"{where} {name!r}; choose from {', '.join(known)}")


def _traits(condition: Mapping[str, str | bool], where: str) -> None:
    for name in condition:
        _among(name, TRAITS, f"{where} asks for")


def _once(names: Iterable[str], where: str) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise ValueError(f"{where} has {twice[0]!r} twice")


def _time(text: str, where: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError as exc:
        raise ValueError(f"{where} is {text!r}, not a time of day as in 08:30") from exc
