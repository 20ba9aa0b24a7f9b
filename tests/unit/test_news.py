"""What of an order is worth telling, and how often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.account import account
from domain.happenings import Happening
from domain.milestones import Evidence, Kind, Stage
from domain.notices import news_of
from domain.orders import Order
from store import rules

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
PACKAGES = tuple(range(1, 31))
ORDER = Order(1, START, START + timedelta(hours=48), (), PACKAGES, channel="TM")


def said(kind: Kind, minute: float, package: int | None = None) -> Evidence:
    return Evidence(kind, START + timedelta(minutes=minute), "scan", f"{minute}/{package}", package)


def told(evidence: list[Evidence]) -> list[tuple[str, float]]:
    """Each exception's event and minute."""
    calendars = rules.calendars(rules.shipped(), ZoneInfo("Asia/Shanghai"))
    known = account(ORDER, evidence, rules.shipped().clocks_of("TM"), calendars)
    return [
        (news.event, (news.at - START).total_seconds() / 60)
        for news in news_of(known)
        if news.event.startswith("exception")
    ]


def test_thirty_packages_nobody_was_at_home_for_are_one_piece_of_news() -> None:
    failed = [said(Happening.ATTEMPT_FAILED, 60 + n, n) for n in PACKAGES]
    assert told(failed) == [("exception_opened", 61)]
    out_again = [said(Stage.OUT_FOR_DELIVERY, 600 + n, n) for n in PACKAGES[:-1]]
    assert told(failed + out_again) == [("exception_opened", 61)]
    last = [said(Stage.OUT_FOR_DELIVERY, 700, PACKAGES[-1])]
    assert told(failed + out_again + last) == [("exception_opened", 61), ("exception_resolved", 700)]


def test_another_failed_attempt_after_it_was_out_again_is_news() -> None:
    twice = [
        said(Happening.ATTEMPT_FAILED, 60, 1),
        said(Stage.OUT_FOR_DELIVERY, 600, 1),
        said(Happening.ATTEMPT_FAILED, 660, 1),
    ]
    assert told(twice) == [("exception_opened", 60), ("exception_resolved", 600), ("exception_opened", 660)]


def test_a_delivery_on_the_spot_resolves_without_a_word() -> None:
    assert told([said(Happening.REFUSED, 60, 1), said(Stage.DELIVERED, 61, 1)]) == [("exception_opened", 60)]
