"""What is said of a clock by the facts it stamped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from domain.device_clocks import GPS_WEEKS_LOST, Adjustment, ClockTrouble, Correction, Sample, propose

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
QUICK = timedelta(seconds=1)


def facts(clock: Callable[[datetime], datetime], count: int = 60, late_every: int = 7) -> list[Sample]:
    """A fact a minute, most received within seconds, some hours later."""
    samples = []
    for number in range(count):
        happened_at = NOW - timedelta(minutes=count - number)
        lag = timedelta(hours=2) if number % late_every == 3 else QUICK + timedelta(seconds=number % 3)
        samples.append(Sample(clock(happened_at), happened_at + lag))
    return samples


def shifted(offset: timedelta) -> Callable[[datetime], datetime]:
    return lambda at: at + offset


def test_a_right_clock_is_left_alone_however_late_some_facts_are() -> None:
    assert propose(facts(shifted(timedelta(0)))) is None
    assert propose(facts(shifted(timedelta(seconds=-40)))) is None


def test_a_backlog_that_is_late_as_a_whole_is_not_taken_for_a_slow_clock() -> None:
    samples = [
        Sample(NOW - timedelta(hours=4, minutes=minute), NOW + timedelta(seconds=minute))
        for minute in range(60)
    ]

    assert propose(samples) is None


@pytest.mark.parametrize("hours", [8.0, -5.0, 5.5, 1.0])
def test_local_time_sent_as_utc_is_known_by_its_whole_hours(hours: float) -> None:
    found = propose(facts(shifted(timedelta(hours=hours)), late_every=100_000))

    assert found is not None
    assert found.trouble is ClockTrouble.WHOLE_HOURS
    assert found.adjustment.offset == timedelta(hours=-hours)
    assert found.evidence == 59


@pytest.mark.parametrize(
    ("offset", "trouble"),
    [
        (timedelta(minutes=17), ClockTrouble.AHEAD),
        (timedelta(days=40, minutes=11), ClockTrouble.AHEAD),
        (-timedelta(days=700, minutes=11), ClockTrouble.BEHIND),
    ],
)
def test_another_offset_is_the_smallest_lag(offset: timedelta, trouble: ClockTrouble) -> None:
    found = propose(facts(shifted(offset)))

    assert found is not None
    assert found.trouble is trouble
    assert timedelta(0) <= found.adjustment.offset + offset <= timedelta(seconds=3)


def test_a_gps_receiver_that_lost_1024_weeks_is_known() -> None:
    found = propose(facts(shifted(-GPS_WEEKS_LOST)))

    assert found is not None
    assert found.trouble is ClockTrouble.WEEK_ROLLOVER
    assert found.adjustment.offset == GPS_WEEKS_LOST


def test_a_clock_that_was_never_set_is_judged_since_its_last_start() -> None:
    first_start, second_start = NOW - timedelta(hours=3), NOW - timedelta(hours=1)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    samples = [
        Sample(epoch + timedelta(minutes=minute), start + timedelta(minutes=minute) + QUICK)
        for start in (first_start, second_start)
        for minute in range(40)
    ]

    found = propose(samples)

    assert found is not None
    assert found.trouble is ClockTrouble.UNSET
    assert found.adjustment.apply(epoch + timedelta(minutes=5)) == second_start + timedelta(minutes=5) + QUICK
    assert found.evidence == 40


def test_a_drifting_clock_is_known_by_its_slope() -> None:
    began = NOW - timedelta(hours=20)

    def gaining(at: datetime) -> datetime:
        return at + (at - began) * 1500e-6

    found = propose(facts(gaining, count=1200, late_every=11))

    assert found is not None
    assert found.trouble is ClockTrouble.DRIFTING
    assert found.adjustment.drift_ppm == pytest.approx(-1500, rel=0.05)
    for at in (began + timedelta(hours=3), NOW, NOW + timedelta(hours=5)):
        assert abs(found.adjustment.apply(gaining(at)) - at) < timedelta(seconds=5)


def test_two_facts_say_nothing() -> None:
    assert propose(facts(shifted(timedelta(hours=8)), count=2)) is None
    assert propose([]) is None


def test_a_correction_covers_what_is_received_while_it_holds() -> None:
    correction = Correction(1, 1, Adjustment(timedelta(hours=-8), NOW), NOW, NOW + timedelta(days=1))

    covered = [correction.covers(NOW + timedelta(hours=hours)) for hours in (-1, 0, 23, 24)]

    assert covered == [False, True, True, False]


def test_a_time_at_the_end_of_time_stays() -> None:
    last = datetime.max.replace(tzinfo=UTC)

    assert Adjustment(timedelta(hours=8), NOW).apply(last) == last
