"""The numbers a benchmark prints."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.eta.scoring import (
    BUS_HORIZONS,
    Floats,
    Scored,
    by_horizon,
    interval,
    mean_absolute,
    share_covered,
    transit_score,
    wobble_s,
)
from geo.quantiles import HORIZON_NAMES, horizon_of


def of_buses(scored: Scored, rival: str = "agency") -> dict[str, Any]:
    """Errors beside a rival's, by the minutes the bus was truly ahead; coverage by the minutes told."""
    ahead_s = scored.truth_s - scored.now_s
    inside = horizon_of(ahead_s) < len(BUS_HORIZONS)
    ours, agency = np.abs(scored.p50_s - scored.truth_s), np.abs(scored.rival_s - scored.truth_s)
    told_s = scored.p50_s - scored.now_s
    naive = wobble_s(scored.now_s, scored.naive_s, scored.visit)
    wobble = wobble_s(scored.now_s, scored.p50_s, scored.visit)
    return {
        "mae_s": by_horizon(ahead_s, lambda here: mean_absolute(ours[here])),
        f"{rival}_mae_s": by_horizon(ahead_s, lambda here: mean_absolute(agency[here])),
        "ratio": by_horizon(ahead_s, lambda here: float(ours[here].sum() / agency[here].sum())),
        "ratio_interval": _ratio_intervals(ahead_s, ours, agency, scored),
        "ratio_by_told": by_horizon(
            scored.rival_s - scored.now_s, lambda here: float(ours[here].sum() / agency[here].sum())
        ),
        "coverage_p90": {
            "overall": round(share_covered(scored.truth_s[inside], scored.p90_s[inside]), 4),
            **by_horizon(told_s, lambda here: share_covered(scored.truth_s[here], scored.p90_s[here])),
        },
        "coverage_p90_by_truth": by_horizon(
            ahead_s, lambda here: share_covered(scored.truth_s[here], scored.p90_s[here])
        ),
        "coverage_p50": round(share_covered(scored.truth_s[inside], scored.p50_s[inside]), 4),
        "wobble_s": round(wobble, 2),
        "last_speed_wobble_s": round(naive, 2),
        "wobble_ratio": round(wobble / naive, 4),
        "score": round(transit_score(scored.now_s, scored.p50_s, scored.truth_s), 2),
        f"{rival}_score": round(transit_score(scored.now_s, scored.rival_s, scored.truth_s), 2),
        "n": by_horizon(ahead_s, lambda here: float(here.sum())),
        "trips": len(np.unique(scored.group)),
    }


def _ratio_intervals(ahead_s: Floats, ours: Floats, agency: Floats, scored: Scored) -> dict[str, list[float]]:
    horizons = horizon_of(ahead_s)
    intervals = {}
    for number, name in enumerate(BUS_HORIZONS):
        here = horizons == number
        if here.any():
            mine, theirs = ours[here], agency[here]

            def ratio(weights: Floats, mine: Floats = mine, theirs: Floats = theirs) -> float:
                return float((weights * mine).sum() / (weights * theirs).sum())

            intervals[name] = interval(scored.group[here], ratio)
    return intervals


def of_taxis(scored: Scored) -> dict[str, Any]:
    """Relative and absolute errors of whole drives; coverage by the minutes told."""
    taken_s = scored.truth_s - scored.now_s
    errors_s = scored.p50_s - scored.truth_s
    relative = np.abs(errors_s) / taken_s
    told = horizon_of(scored.p50_s - scored.now_s)
    return {
        "mape": round(100.0 * float(relative.mean()), 2),
        "mape_interval": interval(
            scored.group, lambda weights: float(100.0 * (weights * relative).sum() / weights.sum())
        ),
        "mae_s": round(mean_absolute(errors_s), 1),
        "rmse_s": round(float(np.sqrt((errors_s**2).mean())), 1),
        "coverage_p90": {
            "overall": round(share_covered(scored.truth_s, scored.p90_s), 4),
            **{
                HORIZON_NAMES[number]: round(
                    share_covered(scored.truth_s[told == number], scored.p90_s[told == number]), 4
                )
                for number in np.unique(told).tolist()
            },
        },
        "coverage_p90_n": {
            HORIZON_NAMES[number]: int((told == number).sum()) for number in np.unique(told).tolist()
        },
        "coverage_p50": round(share_covered(scored.truth_s, scored.p50_s), 4),
        # Each drive is estimated once, at its start: nothing is revised.
        "wobble_s": None,
        "score": round(transit_score(scored.now_s, scored.p50_s, scored.truth_s), 2),
        "n": len(taken_s),
    }
