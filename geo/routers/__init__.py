"""The way between stops: from a routing engine where there is one, else straight with a detour factor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Point = tuple[float, float]
"""Latitude and longitude, degrees."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way through points: its polyline, its metres on the road, and its seconds when roads are free."""

    lats: tuple[float, ...]
    lons: tuple[float, ...]
    length_m: float
    free_flow_s: float


class NoWay(Exception):
    """The engine could not be asked, or knows no way."""


class Router(Protocol):
    """Finds ways for lorries."""

    def way(self, points: Sequence[Point]) -> Way:
        """The way through two or more points in order. Raises NoWay."""
        ...
