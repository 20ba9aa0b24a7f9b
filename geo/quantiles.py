"""How far arrivals fall from what was estimated, learned by horizon: conformal quantiles.

Errors are kept as shares of the spread expected of them, in histograms of fixed bins, one per horizon, with
weights that forget by half-lives. Like everything learned here they are sums: order does not matter. A
quantile of past errors, moved onto the next estimate, covers it as often as it covered them, whatever the
shape of their distribution (split conformal prediction; Vovk, Gammerman, Shafer 2005).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.columns import float_column

HORIZON_EDGES_S = (180.0, 360.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0)
HORIZON_NAMES = ("0-3", "3-6", "6-10", "10-15", "15-30", "30-60", "60-120", "120-")
"""Minutes ahead."""

_CENTRES_S = np.array([90.0, 270.0, 480.0, 750.0, 1350.0, 2700.0, 5400.0, 10_800.0])
_BIN_WIDTH, _BINS = 0.1, 160
_EDGES = (np.arange(_BINS + 1) - _BINS / 2) * _BIN_WIDTH

HALF_LIFE_S = 2.5 * 86_400.0

PRIOR_ERRORS = 20.0
"""The errors assumed before any was seen: at all horizons together as many, of a normal distribution as wide
as the spread; and at each horizon as many, of the distribution seen at all of them."""


def horizon_of(to_go_s: ArrayLike) -> NDArray[np.int64]:
    """The horizon each of n times to go falls in, an index into HORIZON_NAMES."""
    return np.searchsorted(HORIZON_EDGES_S, float_column(to_go_s), side="right").astype(np.int64)


class ErrorBook:
    """Weighted histograms of scored estimates' errors, (horizons, bins)."""

    def __init__(self) -> None:
        self._weights = np.zeros((len(HORIZON_NAMES), _BINS))
        # Weights are relative to the first arrival learned; years from it they would overflow.
        self._reference_s: float | None = None
        self._newest_s = -np.inf

    def add(self, at_s: ArrayLike, to_go_s: ArrayLike, error_s: ArrayLike, spread_s: ArrayLike) -> None:
        """Learn n errors: the epoch second and the time to go of each estimate, arrival minus estimate, and
        the spread that was expected.
        """
        bins = np.floor(float_column(error_s) / float_column(spread_s) / _BIN_WIDTH + _BINS / 2)
        inside = np.clip(bins, 0, _BINS - 1).astype(np.int64)
        arrivals_s = float_column(at_s)
        if self._reference_s is None:
            self._reference_s = float(arrivals_s[0])
        self._newest_s = max(self._newest_s, float(arrivals_s.max()))
        weights = 2.0 ** ((arrivals_s - self._reference_s) / HALF_LIFE_S)
        np.add.at(self._weights, (horizon_of(to_go_s), inside), weights)

    def offsets(self, quantiles: ArrayLike, to_go_s: ArrayLike) -> NDArray[np.float64]:
        """What to add to each of n estimates, in spreads, for each of m quantiles: (m, n).

        Between the middles of two horizons it goes over from one to the other, so that no estimate jumps.
        """
        # What is assumed weighs as if seen with the newest error: when none come in, nothing new is known.
        prior = PRIOR_ERRORS
        if self._reference_s is not None:
            prior *= 2.0 ** ((self._newest_s - self._reference_s) / HALF_LIFE_S)
        pooled = self._weights.sum(axis=0) + prior * _PRIOR
        cumulative = np.cumsum(self._weights + prior * pooled / pooled.sum(), axis=1)
        shares = np.concatenate([np.zeros((len(cumulative), 1)), cumulative / cumulative[:, -1:]], axis=1)
        horizons = float_column(to_go_s)
        return np.stack(
            [
                np.interp(horizons, _CENTRES_S, [np.interp(quantile, row, _EDGES) for row in shares])
                for quantile in float_column(quantiles)
            ]
        )


def _prior() -> NDArray[np.float64]:
    middles = (_EDGES[1:] + _EDGES[:-1]) / 2
    density = np.exp(-0.5 * middles**2)
    return np.asarray(density / density.sum(), dtype=np.float64)


_PRIOR = _prior()
