"""What follows of an order depends on the set of evidence alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.account import account
from domain.calendars import OfficeHours
from domain.happenings import Happening
from domain.milestones import NO_STOP, Evidence, Stage
from domain.orders import Order, OrderStop, StopKind
from store import rules

START = datetime(2026, 9, 30, 1, 0, tzinfo=UTC)
RULES = rules.shipped()
CALENDARS = rules.calendars(RULES, UTC)
ORDER = Order(
    order_id=1,
    received_at=START,
    promised_at=START + timedelta(hours=48),
    stops=tuple(
        OrderStop(seq, kind, seq, None)
        for seq, kind in enumerate((StopKind.ORIGIN, StopKind.HUB, StopKind.DESTINATION))
    ),
    package_ids=(1, 2),
    channel="TM",
)

said = st.builds(
    Evidence,
    kind=st.sampled_from([*(stage for stage in Stage if stage is not Stage.AT_HUB), *Happening]),
    at=st.integers(0, 300).map(lambda minutes: START + timedelta(minutes=10 * minutes)),
    source=st.sampled_from(["api", "scan", "crossing"]),
    source_key=st.integers(0, 20).map(str),
    package_id=st.sampled_from([None, 1, 2]),
    stop_seq=st.just(NO_STOP),
)


@given(st.lists(said, max_size=25), st.randoms(use_true_random=False))
def test_order_and_repetition_of_evidence_change_nothing(evidence: list[Evidence], random) -> None:  # type: ignore[no-untyped-def]
    clocks = RULES.clocks_of("TM")
    once = account(ORDER, evidence, clocks, CALENDARS)
    again = [*evidence, *random.choices(evidence, k=len(evidence))] if evidence else []
    random.shuffle(again)
    assert account(ORDER, again, clocks, CALENDARS) == once


@given(st.lists(said, max_size=25))
def test_clocks_warn_before_their_limit_and_end_after_they_began(evidence: list[Evidence]) -> None:
    for run in account(ORDER, evidence, RULES.clocks_of("TM"), CALENDARS).clocks:
        assert run.warn_at is None or run.warn_at >= run.started_at
        assert run.deadline_at is None or run.warn_at is None or run.warn_at <= run.deadline_at
        assert run.stopped_at is None or run.stopped_at >= run.started_at
        assert run.net(START + timedelta(days=9)) <= run.gross(START + timedelta(days=9))


@given(
    st.integers(0, 30 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes)),
    st.integers(1, 3000).map(lambda minutes: timedelta(minutes=minutes)),
)
def test_office_time_counted_forwards_is_what_lies_between(start: datetime, counted: timedelta) -> None:
    office = CALENDARS["office"]
    assert isinstance(office, OfficeHours)
    assert office.between(start, office.after(start, counted)) == counted
