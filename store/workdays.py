"""China's working days: the State Council's holidays and make-up days, as far as they have been announced."""

from __future__ import annotations

from datetime import date

import chinese_calendar

SATURDAY = 5


def is_workday(day: date) -> bool:
    """Whether people work on this day.

    The days off of a year are announced in the autumn before. Beyond what the package knows, Monday to Friday
    counts as working, and deadlines move when the package is brought up to date.
    """
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < SATURDAY
