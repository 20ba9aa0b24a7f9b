"""What a set of estimates is worth, once the arrivals are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.quantiles import HORIZON_NAMES, horizon_of

BUS_HORIZONS = HORIZON_NAMES[:5]
BOOTSTRAPS = 1000

_SCORE_LIMITS_MIN = {"0-3": (0.5, 1.5), "3-6": (1.0, 2.5), "6-10": (1.0, 3.5), "10-15": (1.5, 4.5)}
"""Of TransitApp: at most so early, so late."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """n estimates and the truth, as columns: epoch seconds; `group` numbers what is drawn as one in the
    bootstrap, `visit` the arrival that is estimated; `rival_s` and `naive_s` are other estimators' (NaN =
    none).
    """

    now_s: Floats
    truth_s: Floats
    p50_s: Floats
    p90_s: Floats
    rival_s: Floats
    naive_s: Floats
    group: NDArray[np.int64]
    visit: NDArray[np.int64]


def by_horizon(ahead_s: Floats, measure: Callable[[NDArray[np.bool_]], float]) -> dict[str, float]:
    """A measure of the estimates in each of the five horizons that has any."""
    horizons = horizon_of(ahead_s)
    return {
        name: round(measure(horizons == number), 4)
        for number, name in enumerate(BUS_HORIZONS)
        if (horizons == number).any()
    }


def mean_absolute(errors_s: Floats) -> float:
    """Mean absolute error."""
    return float(np.abs(errors_s).mean())


def interval(group: NDArray[np.int64], statistic: Callable[[Floats], float], seed: int = 7) -> list[float]:
    """The 95 % bootstrap interval of a statistic of weights (n, how often each estimate was drawn)."""
    random = np.random.default_rng(seed)
    names, member = np.unique(group, return_inverse=True)
    draws = [
        statistic(
            np.bincount(random.integers(len(names), size=len(names)), minlength=len(names))[member].astype(
                float
            )
        )
        for _ in range(BOOTSTRAPS)
    ]
    return [round(float(bound), 4) for bound in np.nanpercentile(draws, (2.5, 97.5))]


def share_covered(truth_s: Floats, bound_s: Floats) -> float:
    """Share of arrivals at or before a bound."""
    return float((truth_s <= bound_s).mean())


def transit_score(now_s: Floats, estimate_s: Floats, truth_s: Floats) -> float:
    """Mean over four horizons, as told, of the share of estimates the bus kept, in per cent."""
    late_min = (truth_s - estimate_s) / 60.0
    told = horizon_of(estimate_s - now_s)
    shares = []
    for name, (early, late) in _SCORE_LIMITS_MIN.items():
        here = late_min[told == HORIZON_NAMES.index(name)]
        if len(here):
            shares.append(float(((here >= -early) & (here <= late)).mean()))
    return 100.0 * float(np.mean(shares)) if shares else float("nan")


def wobble_s(now_s: Floats, estimate_s: Floats, visit: NDArray[np.int64]) -> float:
    """Mean absolute revision of an arrival, in seconds per minute."""
    order = np.lexsort((now_s, visit))
    same = np.diff(visit[order]) == 0
    minutes = np.diff(now_s[order])[same] / 60.0
    moved = np.abs(np.diff(estimate_s[order]))[same]
    return float(moved[minutes > 0].sum() / minutes.sum()) if minutes.sum() > 0 else float("nan")
