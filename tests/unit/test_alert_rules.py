from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alerts import (
    AlertKind,
    ExpectedArrival,
    Finding,
    LateRiskRule,
    OpenAlert,
    Severity,
    TrackedLeg,
    Undelivered,
    late,
    late_risk,
    probability_late,
    reconcile,
    stale,
)

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
RULE = LateRiskRule()


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def arrival(order_id: int, p50_after_promise_min: float, *, vehicle_id: int = 1) -> ExpectedArrival:
    promised_at = NOW + minutes(120)
    p50_at = promised_at + minutes(p50_after_promise_min)
    return ExpectedArrival(order_id, vehicle_id, 7, promised_at, p50_at, p50_at + minutes(12.8155))


def leg(
    order_id: int, silent_min: float | None, *, vehicle_id: int = 1, interval_s: float = 30
) -> TrackedLeg:
    last_fix_at = None if silent_min is None else NOW - minutes(silent_min)
    return TrackedLeg(order_id, vehicle_id, 7, NOW - minutes(60), last_fix_at, interval_s)


def finding(subject: str = "vehicle:1", order_ids: tuple[int, ...] = (1,)) -> Finding:
    return Finding(AlertKind.STALE, subject, 7, 1, order_ids, Severity.WARNING, NOW)


def open_alert(subject: str = "vehicle:1", order_ids: tuple[int, ...] = (1,)) -> OpenAlert:
    return OpenAlert(5, AlertKind.STALE, subject, order_ids, Severity.WARNING, {})


def test_probability_of_being_late_follows_the_normal_curve() -> None:
    p50, p90 = NOW, NOW + timedelta(seconds=1281.5515655446004)
    assert probability_late(p50, p90, p50) == pytest.approx(0.5)
    assert probability_late(p50, p90, p90) == pytest.approx(0.1)
    assert probability_late(p50, p90, p50 - timedelta(seconds=1000)) == pytest.approx(0.8413447)


def test_without_spread_late_is_certain_or_impossible() -> None:
    assert probability_late(NOW, NOW, NOW - minutes(1)) == 1.0
    assert probability_late(NOW, NOW, NOW + minutes(1)) == 0.0


@given(st.floats(-300, 300), st.floats(-300, 300), st.floats(0, 300))
def test_a_later_promise_never_makes_late_likelier(first: float, second: float, spread: float) -> None:
    early, later = sorted((first, second))
    p90 = NOW + minutes(spread)
    assert probability_late(NOW, p90, NOW + minutes(later)) <= probability_late(
        NOW, p90, NOW + minutes(early)
    )


def test_an_order_more_likely_late_than_not_is_at_risk() -> None:
    (found,) = late_risk([arrival(1, +1)], (), NOW, RULE)
    assert (found.kind, found.subject, found.order_ids) == (AlertKind.LATE_RISK, "vehicle:1", (1,))
    assert late_risk([arrival(1, -1)], (), NOW, RULE) == []


def test_a_risk_stays_until_it_is_well_below() -> None:
    assert late_risk([arrival(1, -5)], {1}, NOW, RULE) != []
    assert late_risk([arrival(1, -8)], {1}, NOW, RULE) == []


def test_one_vehicles_delay_is_one_finding_listing_its_orders() -> None:
    findings = late_risk([arrival(3, 20), arrival(1, 5), arrival(2, 9, vehicle_id=2)], (), NOW, RULE)
    assert [(found.subject, found.order_ids) for found in findings] == [
        ("vehicle:1", (1, 3)),
        ("vehicle:2", (2,)),
    ]


def test_a_passed_promise_is_late_and_no_longer_a_risk() -> None:
    after = NOW + minutes(121)
    assert late_risk([arrival(1, 5)], {1}, after, RULE) == []
    (found,) = late([Undelivered(1, 1, 7, NOW + minutes(120))], after)
    assert found.severity is Severity.CRITICAL


def test_an_order_on_no_vehicle_is_late_by_itself() -> None:
    findings = late(
        [Undelivered(1, None, 7, NOW - minutes(1)), Undelivered(2, None, 7, NOW - minutes(1))], NOW
    )
    assert [found.subject for found in findings] == ["order:1", "order:2"]


def test_a_promise_that_passed_long_ago_is_dated_back() -> None:
    (found,) = late([Undelivered(1, 4, 7, NOW - minutes(300)), Undelivered(2, 4, 7, NOW - minutes(2))], NOW)
    assert found.since == NOW - minutes(300)


@pytest.mark.parametrize(
    ("silent_min", "interval_s", "is_stale"),
    [(14.9, 30, False), (15.1, 30, True), (29.9, 600, False), (30.1, 600, True)],
)
def test_silence_is_stale_after_fifteen_minutes_or_three_intervals(
    silent_min: float, interval_s: float, is_stale: bool
) -> None:
    assert bool(stale([leg(1, silent_min, interval_s=interval_s)], NOW)) is is_stale


def test_a_tracker_that_never_spoke_is_stale_from_the_departure_on() -> None:
    (found,) = stale([leg(1, None)], NOW)
    assert found.since == NOW - minutes(45)


def test_one_silent_vehicle_is_one_finding_listing_its_orders() -> None:
    (found,) = stale([leg(9, 20), leg(4, 20)], NOW)
    assert (found.subject, found.order_ids, found.since) == ("vehicle:1", (4, 9), NOW - minutes(5))


def test_what_is_found_for_the_first_time_is_raised() -> None:
    decision = reconcile([], [finding()])
    assert (decision.raised, decision.changed, decision.cleared) == ((finding(),), (), ())


def test_what_is_found_again_unchanged_is_left_alone() -> None:
    decision = reconcile([open_alert(order_ids=(2, 1))], [finding(order_ids=(1, 2))])
    assert (decision.raised, decision.changed, decision.cleared) == ((), (), ())


def test_an_order_added_to_a_subject_changes_its_alert() -> None:
    grown = finding(order_ids=(1, 2))
    assert reconcile([open_alert()], [grown]).changed == ((open_alert(), grown),)


def test_what_is_no_longer_found_is_cleared() -> None:
    assert reconcile([open_alert()], []).cleared == (open_alert(),)
