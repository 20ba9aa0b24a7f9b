"""Time as the simulators see it: read and waited for in one place, so that a test can be its own clock."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Clock(Protocol):
    """Seconds since 1970, and a wait that ends early when the run is to stop."""

    def now(self) -> float:
        """Seconds since 1970 in UTC."""
        ...

    def wait(self, seconds: float) -> None:
        """Wait this long, or until the run is to stop."""
        ...

    @property
    def stopped(self) -> bool:
        """Whether the run is to stop."""
        ...


class SystemClock:
    """The machine's clock, stopped by an event (Ctrl-C, SIGTERM, a test)."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def now(self) -> float:
        """Seconds since 1970 in UTC."""
        return time.time()

    def wait(self, seconds: float) -> None:
        """Wait this long, or until the event is set."""
        if seconds > 0:
            self._stop.wait(seconds)

    @property
    def stopped(self) -> bool:
        """Whether the event is set."""
        return self._stop.is_set()


@contextmanager
def stopped_by_signals() -> Iterator[SystemClock]:
    """Give a clock that Ctrl-C and SIGTERM stop, so that a run ends with its report; from the main thread."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: stop.set())
    try:
        yield SystemClock(stop)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
