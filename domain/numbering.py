"""The loss meter: which of a device's numbered facts never came, however late and shuffled the others do."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime

MAX_RANGES = 200
"""Ranges of missing numbers kept for one numbering; older ones are written off as lost."""

MAX_JUMP = 1_000_000
"""A number further away than this is taken for the beginning of another numbering."""


@dataclass(slots=True)
class Numbering:
    """The numbers of one device's facts on one topic, as far as they have come.

    Between `lowest` and `highest` all have come but the `missing` ones: closed ranges, ascending. `newest_at`
    is the newest device time of a fact in it. A device that begins to count anew gets another numbering from
    `began_at` on; what was missing in the one before is written off, and facts older than that do not count.
    """

    lowest: int
    highest: int
    newest_at: datetime | None = None
    began_at: datetime | None = None
    missing: list[tuple[int, int]] = field(default_factory=list)
    written_off: int = 0

    @property
    def missing_count(self) -> int:
        """How many numbers are missing now."""
        return sum(last - first + 1 for first, last in self.missing)

    def follows_in_order(self, seq: int, at: datetime | None) -> bool:
        """Whether a fact is the next one in number and newer than all before."""
        return (
            seq == self.highest + 1 and at is not None and self.newest_at is not None and at > self.newest_at
        )

    def take(self, seq: int, at: datetime | None) -> None:
        """Note that a fact came, with its device time (None: it cannot be believed).

        A fact is not to be noted twice: a used number with a newer time is taken for a device that begins to
        count anew.
        """
        if at is not None and self.began_at is not None and at < self.began_at:
            return
        newer = at is not None and (self.newest_at is None or at > self.newest_at)
        if seq > self.highest + MAX_JUMP:
            self._begin_anew(seq, at)
        elif seq > self.highest:
            self._miss(self.highest + 1, seq - 1)
            self.highest = seq
        elif not self._found(seq):
            if newer and self.newest_at is not None:
                self._begin_anew(seq, at)
            elif self.lowest - MAX_JUMP <= seq < self.lowest:
                self._miss(seq + 1, self.lowest - 1)
                self.lowest = seq
        if newer:
            self.newest_at = at

    def _miss(self, first: int, last: int) -> None:
        if first > last:
            return
        self.missing.insert(bisect_right(self.missing, (first, last)), (first, last))
        while len(self.missing) > MAX_RANGES:
            lost_first, lost_last = self.missing.pop(0)
            self.written_off += lost_last - lost_first + 1

    def _found(self, seq: int) -> bool:
        """Take a number off the missing ones; False if it was none of them."""
        place = bisect_right(self.missing, (seq, self.highest)) - 1
        if place < 0 or self.missing[place][1] < seq:
            return False
        first, last = self.missing[place]
        self.missing[place : place + 1] = [
            part for part in ((first, seq - 1), (seq + 1, last)) if part[0] <= part[1]
        ]
        return True

    def _begin_anew(self, seq: int, at: datetime | None) -> None:
        if at is None:
            return
        self.written_off += self.missing_count
        self.missing = []
        self.lowest = self.highest = seq
        self.began_at = at
