from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.clocks import Clock, Span, run
from domain.fix_filters import FixFilters, FixLimits
from domain.happenings import State
from domain.milestones import Stage
from domain.notices import due
from domain.rules import DrivingLimit, NoticeRule, QuietHours, Surge, is_surge
from store import rules
from store.workdays import is_workday

SHANGHAI = ZoneInfo("Asia/Shanghai")
NINE = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def notice(event: str = "received", recipient: str = "customer", channel: str = "sms") -> str:
    return f'notices = [{{event = "{event}", recipient = "{recipient}", channel = "{channel}"}}]'


def clock(end: str = "verified", **more: str) -> str:
    """The line of one clock, with TOML values."""
    given = {"name": '"c"', "start": '["received"]', "end": f'"{end}"', "limit_min": "60", "owner": '"a"'}
    values = {**given, "superior": '"b"', **more}
    return "clocks = [{" + ", ".join(f"{name} = {value}" for name, value in values.items()) + "}]"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("promise_h = 'soon'", "promise_h"),
        ("channel = []", "channel means nothing"),
        ("this is not TOML", "not TOML"),
        (notice(recipient="all"), "recipient 'all'"),
        (notice(event="dispached"), "'dispached'; choose from .*dispatched"),
        (notice(event="stage_overdue"), "a notice to customer is of 'stage_overdue'"),
        (notice(recipient="roles", event="stage_overdue", channel="email"), "'email'; choose from webhook"),
        (notice(channel="webhook"), "to customer goes by 'webhook'"),
        ('office = {opens = "18:00", closes = "08:30"}', "closes at 08:30, before it opens"),
        ('office = {opens = "8 am", closes = "18:00"}', "office.opens is '8 am'"),
        ('quiet_hours = {begins = "22:00", ends = "25:00"}', "quiet_hours.ends"),
        ('channels = [{name = "TM", required = ["contact.fone"]}]', "TM requires 'contact.fone'"),
        ('channels = [{name = "TM"}, {name = "TM"}]', "channels has 'TM' twice"),
        ('priorities = [{priority = "urgnt", when = {custom = true}}]', "'urgnt'"),
        ('priorities = [{priority = "high", when = {costum = true}}]', "asks for 'costum'"),
        ('duties = {boss = ["manager"]}', "'boss'"),
        (clock(end="verifed"), "'verifed'"),
        (clock(calendar='"never"'), "calendar 'never'"),
        (clock(limit_min="0"), "above 0"),
        (clock(pauses='["lunch"]'), "lunch"),
        (clock(limits='[{when = {}, until = "tomorrow"}]'), "lasts until 'tomorrow'"),
    ],
)
def test_a_wrong_file_is_refused_in_words(text: str, word: str) -> None:
    whole = {"channels": "[]", "priorities": "[]", "clocks": "[]", "notices": "[]"}
    lines = [text, *(f"{name} = {value}" for name, value in whole.items() if not text.startswith(f"{name} "))]
    with pytest.raises(rules.WrongRules, match=word):
        rules.parse("\n".join(lines))


def test_a_limit_of_driving_is_read_and_checked() -> None:
    nothing = "channels = []\npriorities = []\nclocks = []\nnotices = []\n[driving]\ndrive_h = 4.0\n"
    assert rules.shipped().driving is None
    assert rules.parse(nothing + "break_min = 20.0").driving == DrivingLimit(drive_h=4.0, break_min=20.0)
    with pytest.raises(rules.WrongRules, match="above 0"):
        rules.parse(nothing + "break_min = 0.0")


def test_filters_are_read_by_kind_of_device_and_checked() -> None:
    nothing = "channels = []\npriorities = []\nclocks = []\nnotices = []\n"
    assert rules.shipped().filters == rules.parse(nothing).filters == FixFilters()
    on_foot = rules.parse(nothing + "[filters.scanner]\nmax_speed_mps = 5.0").filters
    assert on_foot == FixFilters(scanner=FixLimits(max_speed_mps=5.0))
    for wrong, word in (
        ("[filters.robot]\nmax_speed_mps = 5.0", "filters.robot means nothing; choose from tracker, scanner"),
        ("[filters.tracker]\nmax_speed_mps = 0.0", "max_speed_mps must be above 0"),
        ("[filters.tracker]\ninsisting = 2.5", "int"),
        ("approaching_min = 0.0", "approaching_min"),
    ):
        top, sep, table = wrong.partition("[")
        with pytest.raises(rules.WrongRules, match=word):
            rules.parse(top + "\n" + nothing + sep + table)


def test_holidays_make_up_days_and_years_not_announced_yet() -> None:
    days = {
        date(2026, 10, 1): False,
        date(2026, 10, 10): True,
        date(2026, 11, 21): False,
        date(2031, 3, 3): True,
        date(2031, 3, 2): False,
    }
    assert {day: is_workday(day) for day in days} == days


def test_a_clock_that_stands_still_has_no_deadline_and_gets_its_time_back() -> None:
    clock = Clock("c", ("received",), "verified", 60, "owner", "superior", pauses=(State.PENDING_INFO,))
    moments: dict[str, list[datetime]] = {Stage.RECEIVED: [NINE]}
    calendar = rules.calendars(rules.shipped(), SHANGHAI)["always"]
    lasting = {State.PENDING_INFO: [Span(NINE + HOUR / 2, None)]}
    standing = run(clock, {}, moments, lasting, None, calendar)
    assert standing is not None
    assert (standing.warn_at, standing.deadline_at, standing.paused_since) == (None, None, NINE + HOUR / 2)
    over = {State.PENDING_INFO: [Span(NINE + HOUR / 2, NINE + 5 * HOUR)]}
    going = run(clock, {}, moments, over, None, calendar)
    assert going is not None
    assert going.deadline_at == NINE + 5.5 * HOUR


def test_a_pause_after_the_limit_saves_nothing() -> None:
    clock = Clock("c", ("received",), "verified", 60, "owner", "superior", pauses=(State.PENDING_INFO,))
    calendar = rules.calendars(rules.shipped(), SHANGHAI)["always"]
    late = {State.PENDING_INFO: [Span(NINE + 2 * HOUR, None)]}
    found = run(clock, {}, {Stage.RECEIVED: [NINE]}, late, None, calendar)
    assert found is not None
    assert found.deadline_at == NINE + HOUR


def test_custom_orders_are_packed_by_their_production_date() -> None:
    shipped = rules.shipped()
    packed = next(clock for clock in shipped.clocks if clock.name == "packed")
    by = NINE + 10 * HOUR
    found = run(
        packed,
        {"custom": True, "production_at": by},
        {Stage.STOCK_LOCKED: [NINE]},
        {},
        None,
        rules.calendars(shipped, SHANGHAI)["always"],
    )
    assert found is not None
    assert (found.warn_at, found.deadline_at) == (NINE + 8 * HOUR, by)


def test_a_day_is_a_surge_only_against_a_usual_one() -> None:
    assert is_surge(7, [2, 2, 2, 9], Surge())
    assert not is_surge(6, [2, 2, 2, 9], Surge())
    assert not is_surge(100, [0, 0, 0, 0], Surge())


def test_quiet_hours_end_in_the_morning_and_never_delay_a_loud_notice() -> None:
    night = datetime(2026, 11, 23, 23, 30, tzinfo=SHANGHAI)
    quiet = NoticeRule("delivered", "customer", "sms")
    loud = NoticeRule("dispatched", "customer", "sms", quiet=False)
    assert due(quiet, QuietHours(), SHANGHAI, night) == datetime(2026, 11, 24, 8, 0, tzinfo=SHANGHAI)
    assert due(quiet, QuietHours(), SHANGHAI, night + 2 * HOUR) == datetime(
        2026, 11, 24, 8, 0, tzinfo=SHANGHAI
    )
    assert due(loud, QuietHours(), SHANGHAI, night) == night
