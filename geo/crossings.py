"""Crossings of geofences: columnar state per vehicle, accuracy-aware hysteresis, interpolated times.

The rule. A fix beyond the edge (by the sign of its distance, the fence version in force at its time) starts a
*run*; any fix back on the old side ends it, so one jumping fix never makes a crossing. A fix of the run is
decisive when it is further from the edge than a band: to enter, one accuracy (at most half the fence's half
width, so that a small fence can be entered at all); to leave, four accuracies. The second decisive fix of a
run confirms the crossing: a truck that drives through a gate is confirmed one fix after the gate. A run also
confirms by dwell: 180 s on the inside of the edge without a fix outside (a dock at the very fence line), or
600 s with every fix more than one accuracy outside (parked across the street). Leaving is harder than
entering, so a parked, jittering truck enters once and stays.

The time is where the segment between the last fix on the old side and the first of the run cuts the edge,
give or take half the gap between the two plus the time the speed across the edge needs for one accuracy. The
first fix emits the initial state without confirmation, and so does the first fix after a fence comes into
force. A fence that ends while the vehicle is inside is left at its end. A fast pass, with one decisive fix
inside or none (the segment then goes deeper than the band), gives enter and exit when the next fix outside
shows that the vehicle went on and not back, twice four accuracies away from where it entered.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.columns import float_column, int_column
from geo.fences import FenceIndex
from geo.kernels import CrossingFold

INSIDE, ENTER, EXIT = 0, 1, 2


@dataclass(frozen=True, slots=True)
class CrossingRules:
    """What makes a crossing believed; the defaults are for trucks that report every 10 to 60 s.

    `default_accuracy_m` stands in for a fix without one; `min_accuracy_m` is believed of no receiver in a
    street; fixes worse than `max_accuracy_m` are not judged at all. Entering needs `enter_accuracies` beyond
    the edge: a 68 % radius leaves a truck outside in most cases. Leaving needs `exit_accuracies`: with noise
    of one accuracy per axis a truck parked on the edge shows that twice in a run less than once in a million
    fixes. A pass is inferred over at most `pass_max_gap_s` and `pass_max_gap_m`: one missed fix at motorway
    speed.
    """

    default_accuracy_m: float = 10.0
    min_accuracy_m: float = 5.0
    max_accuracy_m: float = 100.0
    enter_accuracies: float = 1.0
    exit_accuracies: float = 4.0
    enter_dwell_s: float = 180.0
    exit_dwell_s: float = 600.0
    pass_max_gap_s: float = 90.0
    pass_max_gap_m: float = 2_500.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name) > 0.0:
                raise ValueError(f"{field.name} must be above zero")


DEFAULT_RULES = CrossingRules()


@dataclass(frozen=True, slots=True, eq=False)
class Crossings:
    """n crossings as columns, in the order they were decided.

    `kind` (int8) is INSIDE, ENTER or EXIT; `at_s` (epoch s) give or take `plus_minus_s`; `decided_index` the
    fix of the batch that confirmed it; `lat`, `lon` (degrees) where the edge was crossed.
    """

    slot: NDArray[np.int64]
    fence_id: NDArray[np.int64]
    kind: NDArray[np.int8]
    at_s: NDArray[np.float64]
    plus_minus_s: NDArray[np.float64]
    decided_index: NDArray[np.int64]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.slot)


class CrossingDetector:
    """Turns fixes into crossings; state per slot (a small integer the caller gives each vehicle) and fence.

    For one slot and fence crossings alternate: INSIDE or ENTER, then EXIT. How fixes are split into batches,
    or a state saved and loaded in between, changes nothing.
    """

    def __init__(self, index: FenceIndex, *, rules: CrossingRules = DEFAULT_RULES) -> None:
        self._fold = CrossingFold(index.grid, *(getattr(rules, field.name) for field in fields(rules)))

    def process(
        self,
        slots: ArrayLike,
        times_s: ArrayLike,
        lats: ArrayLike,
        lons: ArrayLike,
        accuracies_m: ArrayLike,
    ) -> Crossings:
        """Fold n fixes in: slots, epoch seconds, degrees, metres (NaN = unknown).

        Slots may interleave. Raises ValueError, and changes nothing, for columns of unequal length, NaN,
        positions not on Earth, and a slot's fixes not in order of time (also against what the slot has seen
        before).
        """
        return Crossings(
            *self._fold.process(
                int_column(slots),
                float_column(times_s),
                float_column(lats),
                float_column(lons),
                float_column(accuracies_m),
            )
        )

    def save_state(self, slot: int) -> bytes:
        """The slot's state; the same fixes always give the same bytes."""
        return self._fold.save_state(slot)

    def load_state(self, slot: int, state: bytes) -> None:
        """Replace the slot's state by a saved one. Raises ValueError for bytes that are not a state."""
        self._fold.load_state(slot, state)

    def clear(self, slot: int) -> None:
        """Forget the slot, as if it had never had a fix."""
        self._fold.clear(slot)

    def replace_index(self, index: FenceIndex) -> None:
        """Judge from now on by other fences; states carry over by fence id."""
        self._fold.replace_grid(index.grid)
