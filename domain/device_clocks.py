"""Wrong clocks of devices: what is wrong with one, judged by the facts it stamped, and what puts it right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import fmean

from domain.facts import NEWEST_ACCEPTED, UNSET_BEFORE

TAKES_EFFECT_AFTER = timedelta(seconds=5)
"""By then ingest has heard of a correction: whatever it receives later is corrected."""

LEAST_EVIDENCE = 3
NETWORK_ALLOWANCE = timedelta(minutes=2)
"""How much longer than its quickest fact others may take and still speak for the same clock."""

GPS_WEEKS_LOST = timedelta(weeks=1024)
LEAST_DRIFT_PPM = 100.0
MOST_DRIFT_PPM = 20_000.0
LEAST_DRIFT = timedelta(seconds=10)
DRIFT_WINDOWS = 8
_HOUR = timedelta(hours=1)


class ClockTrouble(StrEnum):
    """What is wrong with a clock."""

    UNSET = "unset"
    WEEK_ROLLOVER = "week_rollover"
    WHOLE_HOURS = "whole_hours"
    AHEAD = "ahead"
    BEHIND = "behind"
    DRIFTING = "drifting"


@dataclass(frozen=True, slots=True)
class Sample:
    """One fact's time by its device, as received, and when it was received."""

    reported_at: datetime
    received_at: datetime

    @property
    def lag(self) -> timedelta:
        """Time on the way, and whatever the clock is behind."""
        return self.received_at - self.reported_at


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What makes right times of a clock's: an offset at `reference_at` on that clock, and a rate."""

    offset: timedelta
    reference_at: datetime
    drift_ppm: float = 0.0

    def apply(self, reported_at: datetime) -> datetime:
        """The right time; unchanged where it would lie outside what a time can be."""
        since_s = (reported_at - self.reference_at).total_seconds()
        try:
            return reported_at + self.offset + timedelta(seconds=since_s * self.drift_ppm / 1e6)
        except OverflowError:
            return reported_at


@dataclass(frozen=True, slots=True)
class Correction:
    """An adjustment of a device's times that holds for facts received in [applies_from, ended_at)."""

    correction_id: int
    device_id: int
    adjustment: Adjustment
    applies_from: datetime
    ended_at: datetime | None

    def covers(self, received_at: datetime) -> bool:
        """Whether it holds for a fact received then."""
        return self.applies_from <= received_at and (self.ended_at is None or received_at < self.ended_at)


@dataclass(frozen=True, slots=True)
class Proposal:
    """An adjustment that the facts speak for: what is wrong, and how many of them say so."""

    trouble: ClockTrouble
    adjustment: Adjustment
    evidence: int


def propose(samples: Sequence[Sample]) -> Proposal | None:
    """Judge a clock by recent facts; None when nothing is wrong with it, or too few facts say so.

    A fact cannot come before it happened, and the quickest of several takes next to no time: so the smallest
    lag is how far the clock is behind. A clock that is merely late with everything cannot be told from a slow
    network, and is left alone but for whole hours.
    """
    recent = _since_last_start(sorted(samples, key=lambda sample: (sample.received_at, sample.reported_at)))
    if len(recent) < LEAST_EVIDENCE:
        return None
    offset = min(sample.lag for sample in recent)
    evidence = sum(sample.lag <= offset + NETWORK_ALLOWANCE for sample in recent)
    trouble = _trouble(recent, offset, evidence)
    if trouble is None or trouble in (ClockTrouble.AHEAD, ClockTrouble.BEHIND):
        # A clock that drifts is far off some day: by no one offset.
        drifting = _drift(recent)
        if drifting is not None or trouble is None:
            return drifting
    if evidence < LEAST_EVIDENCE:
        return None
    if trouble is ClockTrouble.WHOLE_HOURS:
        offset = _whole_hours(offset)
    elif trouble is ClockTrouble.WEEK_ROLLOVER:
        offset = GPS_WEEKS_LOST
    return Proposal(trouble, Adjustment(offset, recent[-1].reported_at), evidence)


def _since_last_start(samples: Sequence[Sample]) -> list[Sample]:
    """A clock without a battery begins at the same time again whenever its device starts."""
    unset = [sample for sample in samples if sample.reported_at < UNSET_BEFORE]
    if len(unset) * 2 <= len(samples):
        return [sample for sample in samples if sample.reported_at >= UNSET_BEFORE]
    starts = [
        place
        for place, (before, after) in enumerate(pairwise(unset), start=1)
        if after.lag > before.lag + NETWORK_ALLOWANCE and after.reported_at < before.reported_at
    ]
    return unset[starts[-1] :] if starts else unset


def _trouble(samples: Sequence[Sample], offset: timedelta, evidence: int) -> ClockTrouble | None:
    if samples[-1].reported_at < UNSET_BEFORE:
        return ClockTrouble.UNSET
    if abs(offset - GPS_WEEKS_LOST) <= NETWORK_ALLOWANCE:
        return ClockTrouble.WEEK_ROLLOVER
    # What is behind may only be late; but hardly nearly everything by the same whole hours.
    certain = offset < timedelta(0) or evidence >= 0.9 * len(samples)
    if abs(offset) > _HOUR / 4 and abs(offset - _whole_hours(offset)) <= NETWORK_ALLOWANCE and certain:
        return ClockTrouble.WHOLE_HOURS
    if offset < -NEWEST_ACCEPTED:
        return ClockTrouble.AHEAD
    return ClockTrouble.BEHIND if offset > timedelta(days=400) else None


def _whole_hours(offset: timedelta) -> timedelta:
    """The nearest offset of a time zone: they differ by half hours."""
    return round(offset / (_HOUR / 2)) * (_HOUR / 2)


def _drift(samples: Sequence[Sample]) -> Proposal | None:
    """A clock whose smallest lag changes steadily: the least-squares line through that of eight stretches."""
    quickest = _quickest_of_stretches(samples)
    if len(quickest) < DRIFT_WINDOWS * 3 // 4:
        return None
    reference_at = samples[-1].reported_at
    times_s = [(sample.reported_at - reference_at).total_seconds() for sample in quickest]
    lags_s = [sample.lag.total_seconds() for sample in quickest]
    middle_s, mean_lag_s = fmean(times_s), fmean(lags_s)
    spread = sum((time_s - middle_s) ** 2 for time_s in times_s)
    rate = (
        sum((t - middle_s) * (lag - mean_lag_s) for t, lag in zip(times_s, lags_s, strict=True)) / spread
        if spread
        else 0.0
    )
    offset_s = mean_lag_s - rate * middle_s
    change_s = abs(rate) * (max(times_s) - min(times_s))
    residual_s = math.sqrt(
        fmean((lag - offset_s - rate * t) ** 2 for t, lag in zip(times_s, lags_s, strict=True))
    )
    if not LEAST_DRIFT_PPM <= abs(rate) * 1e6 <= MOST_DRIFT_PPM:
        return None
    if change_s < LEAST_DRIFT.total_seconds() or residual_s * 5 > change_s:
        return None
    adjustment = Adjustment(timedelta(seconds=round(offset_s, 3)), reference_at, round(rate * 1e6, 1))
    return Proposal(ClockTrouble.DRIFTING, adjustment, len(samples))


def _quickest_of_stretches(samples: Sequence[Sample]) -> list[Sample]:
    first, last = samples[0].received_at, samples[-1].received_at
    if first == last:
        return []
    quickest: dict[int, Sample] = {}
    for sample in samples:
        stretch = min(int((sample.received_at - first) / (last - first) * DRIFT_WINDOWS), DRIFT_WINDOWS - 1)
        if stretch not in quickest or sample.lag < quickest[stretch].lag:
            quickest[stretch] = sample
    return list(quickest.values())
