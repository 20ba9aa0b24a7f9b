"""Ways kept, and straight lines where the engine knows none."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

from geo.routers import NoWay, Point, Router, Way

MOST_WAYS = 2000
_DECIMALS = 5


class CachedRouter:
    """Asks `first` once for the same points (to about a metre), and `fallback` where it raises NoWay; threads
    may share it.

    What the fallback said is not kept: the engine may be back the next time. `on_fallback` is told why.
    """

    def __init__(self, first: Router, fallback: Router, on_fallback: Callable[[str], None]) -> None:
        self._first, self._fallback, self._on_fallback = first, fallback, on_fallback
        self._ways: OrderedDict[tuple[Point, ...], Way] = OrderedDict()
        self._lock = threading.Lock()

    def way(self, points: Sequence[Point]) -> Way:
        """The way through two or more points. Raises NoWay if the fallback does."""
        key = tuple((round(lat, _DECIMALS), round(lon, _DECIMALS)) for lat, lon in points)
        with self._lock:
            if key in self._ways:
                self._ways.move_to_end(key)
                return self._ways[key]
        try:
            way = self._first.way(points)
        except NoWay as exc:
            self._on_fallback(str(exc))
            return self._fallback.way(points)
        with self._lock:
            self._ways[key] = way
            if len(self._ways) > MOST_WAYS:
                self._ways.popitem(last=False)
        return way
