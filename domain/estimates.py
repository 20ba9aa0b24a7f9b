"""When a new arrival estimate is worth telling: estimates that twitch are not believed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Estimate:
    """Arrival at one stop: as likely before as after p50_at, nine times in ten before p90_at, once before
    p10_at. `raw_at` and `spread_s` are what past errors were added to, kept for learning from this one.
    """

    stop_id: int
    p50_at: datetime
    p90_at: datetime
    p10_at: datetime | None = None
    raw_at: datetime | None = None
    spread_s: float | None = None

    def due_from(self, now: datetime) -> Estimate:
        """The same estimate, never in the past: what should have arrived already is due now."""
        return replace(self, p50_at=max(self.p50_at, now), p90_at=max(self.p90_at, now))


@dataclass(frozen=True, slots=True)
class Publication:
    """The estimates for the stops ahead of one trip that were last told."""

    computed_at: datetime
    estimates: tuple[Estimate, ...]


@dataclass(frozen=True, slots=True)
class PublishRule:
    """How much must change before it is told, as seconds, shares of the time still to go, and an age."""

    moved_s: float = 60.0
    moved_share: float = 0.05
    spread_share: float = 0.25
    oldest: timedelta = timedelta(minutes=5)


def due_within(estimates: Sequence[Estimate], now: datetime, ahead: timedelta) -> list[Estimate]:
    """The stops as likely as not to be reached within a time from now."""
    return [estimate for estimate in estimates if estimate.p50_at - now <= ahead]


def worth_publishing(
    told: Publication | None, estimates: Sequence[Estimate], now: datetime, rule: PublishRule
) -> bool:
    """Whether the estimates differ enough from what was told, or what was told has grown old.

    With no stop ahead there is nothing to tell.
    """
    if told is None or not estimates:
        return bool(estimates)
    before = {estimate.stop_id: estimate.due_from(now) for estimate in told.estimates}
    if before.keys() != {estimate.stop_id for estimate in estimates}:
        return True
    return now - told.computed_at >= rule.oldest or any(
        _moved(before[estimate.stop_id], estimate, now, rule) for estimate in estimates
    )


def _moved(before: Estimate, after: Estimate, now: datetime, rule: PublishRule) -> bool:
    to_go_s = (after.p50_at - now).total_seconds()
    moved_s = abs((after.p50_at - before.p50_at).total_seconds())
    spread_moved_s = abs(_spread_s(after) - _spread_s(before))
    return moved_s >= max(rule.moved_s, rule.moved_share * to_go_s) or spread_moved_s >= max(
        rule.moved_s, rule.spread_share * _spread_s(before)
    )


def _spread_s(estimate: Estimate) -> float:
    return (estimate.p90_at - estimate.p50_at).total_seconds()


def revision_s(told: Publication, estimates: Sequence[Estimate]) -> float:
    """Mean absolute change of p50, in seconds, over the stops told both times; 0 without any."""
    before = {estimate.stop_id: estimate.p50_at for estimate in told.estimates}
    moves = [
        abs((estimate.p50_at - before[estimate.stop_id]).total_seconds())
        for estimate in estimates
        if estimate.stop_id in before
    ]
    return sum(moves) / len(moves) if moves else 0.0


@dataclass(frozen=True, slots=True)
class ScoredEstimate:
    """An estimate that was told, and when the vehicle came; lane: from where to where its trip runs."""

    depot_id: int
    trip_id: int
    stop_id: int
    computed_at: datetime
    p50_at: datetime
    p90_at: datetime
    arrived_at: datetime
    lane: str


@dataclass(frozen=True, slots=True)
class HorizonScore:
    """How estimates told so far ahead turned out: mean absolute error and mean (late is positive), seconds,
    and the shares of arrivals at or before p50 and p90.
    """

    estimates: int
    mae_s: float
    bias_s: float
    coverage_p50: float
    coverage_p90: float


@dataclass(frozen=True, slots=True)
class Score:
    """How estimates turned out: by horizon (minutes ahead as told) and overall; wobble, the mean absolute
    revision in seconds per minute; and the share kept by TransitApp's measure, per cent (None: none near).
    """

    overall: HorizonScore
    by_horizon: Mapping[str, HorizonScore]
    wobble_s: float | None
    kept_percent: float | None


HORIZONS_MIN = (
    ("0-3", 3.0),
    ("3-6", 6.0),
    ("6-10", 10.0),
    ("10-15", 15.0),
    ("15-30", 30.0),
    ("30-", math.inf),
)

_KEPT_MIN = {"0-3": (0.5, 1.5), "3-6": (1.0, 2.5), "6-10": (1.0, 3.5), "10-15": (1.5, 4.5)}
"""Of TransitApp: how many minutes early and late still count as accurate."""


def score(estimates: Sequence[ScoredEstimate]) -> Score | None:
    """Score estimates sorted by stop and time told; None without any."""
    if not estimates:
        return None
    grouped: dict[str, list[ScoredEstimate]] = {}
    for estimate in estimates:
        grouped.setdefault(_horizon(estimate), []).append(estimate)
    kept = [_kept_share(grouped[name], *limits) for name, limits in _KEPT_MIN.items() if name in grouped]
    return Score(
        overall=_horizon_score(estimates),
        by_horizon={name: _horizon_score(grouped[name]) for name, _ in HORIZONS_MIN if name in grouped},
        wobble_s=_wobble_s(estimates),
        kept_percent=100.0 * sum(kept) / len(kept) if kept else None,
    )


def by_lane(estimates: Sequence[ScoredEstimate]) -> dict[str, Score]:
    """The score of each lane."""
    lanes: dict[str, list[ScoredEstimate]] = {}
    for estimate in estimates:
        lanes.setdefault(estimate.lane, []).append(estimate)
    scores = ((lane, score(of_lane)) for lane, of_lane in sorted(lanes.items()))
    return {lane: scored for lane, scored in scores if scored is not None}


@dataclass(frozen=True, slots=True)
class DriftRule:
    """When estimates have got worse: enough of them, and a p90 that covers too few or too many of the
    arrivals, or errors so many times those before.
    """

    least_estimates: int = 200
    coverage: tuple[float, float] = (0.82, 0.97)
    worse: float = 1.5


def drift(recent: Score | None, before: Score | None, rule: DriftRule) -> str | None:
    """What is wrong with recent estimates, in words; None while nothing is."""
    if recent is None or recent.overall.estimates < rule.least_estimates:
        return None
    lowest, highest = rule.coverage
    if not lowest <= recent.overall.coverage_p90 <= highest:
        return f"p90 covers {recent.overall.coverage_p90:.0%} of the arrivals"
    if before is None or before.overall.estimates < rule.least_estimates:
        return None
    if recent.overall.mae_s > rule.worse * before.overall.mae_s:
        return f"the mean error is {recent.overall.mae_s:.0f} s, it was {before.overall.mae_s:.0f} s"
    return None


def _horizon(estimate: ScoredEstimate) -> str:
    ahead_min = (estimate.p50_at - estimate.computed_at).total_seconds() / 60.0
    return next(name for name, until_min in HORIZONS_MIN if ahead_min < until_min)


def _horizon_score(estimates: Sequence[ScoredEstimate]) -> HorizonScore:
    errors_s = [(estimate.p50_at - estimate.arrived_at).total_seconds() for estimate in estimates]
    count = len(estimates)
    return HorizonScore(
        estimates=count,
        mae_s=sum(map(abs, errors_s)) / count,
        bias_s=sum(errors_s) / count,
        coverage_p50=sum(estimate.arrived_at <= estimate.p50_at for estimate in estimates) / count,
        coverage_p90=sum(estimate.arrived_at <= estimate.p90_at for estimate in estimates) / count,
    )


def _kept_share(estimates: Sequence[ScoredEstimate], early_min: float, late_min: float) -> float:
    lates_min = [(one.arrived_at - one.p50_at).total_seconds() / 60.0 for one in estimates]
    return sum(-early_min <= late <= late_min for late in lates_min) / len(lates_min)


def _wobble_s(estimates: Sequence[ScoredEstimate]) -> float | None:
    revised_s = minutes = 0.0
    for before, after in pairwise(estimates):
        if before.stop_id == after.stop_id:
            revised_s += abs((after.p50_at - before.p50_at).total_seconds())
            minutes += (after.computed_at - before.computed_at).total_seconds() / 60.0
    return revised_s / minutes if minutes > 0.0 else None
