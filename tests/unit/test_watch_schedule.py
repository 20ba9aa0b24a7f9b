from datetime import UTC, datetime, timedelta

from store.changes import Change, ChangeKind, Cursor
from store.unit_of_work import UnitOfWork
from watch.schedule import Duty, Heard, Schedule, Turn

T0 = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


async def nothing(work: UnitOfWork, now: datetime, turn: Turn) -> None:
    """A duty's body; the schedule never calls it."""


def after(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def duty(name: str = "etas", wakes_on: frozenset[ChangeKind] = frozenset({"position"})) -> Duty:
    return Duty(name, nothing, timedelta(seconds=30), wakes_on, at_most_every=timedelta(seconds=3))


def change(kind: ChangeKind, *ids: int) -> Change:
    return Change(Cursor(1, 1), kind, ids, T0)


Looked = tuple[str, bool, Heard]


def due(schedule: Schedule, now: datetime) -> list[Looked]:
    """The duties that are due: name, whether they look at everything, what they heard of."""
    return [(duty.name, turn.everything, turn.heard) for duty, turn in schedule.take_due(now)]


def test_everything_is_looked_at_first() -> None:
    schedule = Schedule([duty(), duty("late")])
    assert due(schedule, T0) == [("etas", True, {}), ("late", True, {})]
    assert due(schedule, T0) == []


def test_everything_is_looked_at_again_when_its_time_has_come() -> None:
    schedule = Schedule([duty()])
    due(schedule, T0)
    assert due(schedule, after(29.9)) == []
    assert due(schedule, after(30)) == [("etas", True, {})]


def test_news_is_gathered_and_looked_at_together() -> None:
    schedule = Schedule([duty()])
    due(schedule, T0)
    schedule.note([change("position", 1, 2), change("position", 2, 3), change("alert", 9)])
    assert due(schedule, after(2.9)) == []
    assert due(schedule, after(3)) == [("etas", False, {"position": frozenset({1, 2, 3})})]
    assert due(schedule, after(6)) == []


def test_news_never_runs_a_duty_more_often_than_it_allows() -> None:
    schedule = Schedule([duty()])
    due(schedule, T0)
    runs = 0
    for tenth in range(1, 300):
        schedule.note([change("position", tenth)])
        runs += len(due(schedule, after(tenth / 10)))
    assert runs == 9


def test_news_does_not_put_off_the_look_at_everything() -> None:
    schedule = Schedule([duty()])
    due(schedule, T0)
    schedule.note([change("position", 1)])
    due(schedule, after(29))
    schedule.note([change("position", 2)])
    assert due(schedule, after(30)) == [("etas", True, {"position": frozenset({2})})]
    assert due(schedule, after(40)) == []


def test_a_clock_set_back_does_not_stop_the_duties() -> None:
    schedule = Schedule([duty()])
    due(schedule, T0)
    assert due(schedule, after(-3600)) == [("etas", True, {})]


def test_what_a_failed_duty_was_to_look_at_is_part_of_its_next_turn() -> None:
    schedule = Schedule([duty()])
    due(schedule, T0)
    schedule.note([change("position", 1)])
    ((failed, turn),) = schedule.take_due(after(3))
    schedule.note([change("position", 2)])
    schedule.put_back(failed, turn)
    assert due(schedule, after(5)) == []
    assert due(schedule, after(6)) == [("etas", False, {"position": frozenset({1, 2})})]


def test_a_first_turn_that_failed_is_still_to_come() -> None:
    schedule = Schedule([duty()])
    ((failed, turn),) = schedule.take_due(T0)
    schedule.put_back(failed, turn)
    firsts = [turn.is_first for moment in (30, 60) for _, turn in schedule.take_due(after(moment))]
    assert (turn.is_first, firsts) == (True, [True, False])
