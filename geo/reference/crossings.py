"""Crossings of fences in plain Python; the rule is told in geo/crossings.py."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from geo.reference.crossing_state import (
    NO_CUT,
    Cut,
    Fix,
    Pair,
    Phase,
    Slot,
    between,
    check_slot,
    pack_state,
    unpack_state,
)
from geo.reference.distance import check_positions, point_distance_m
from geo.reference.fences import FenceGrid, check_times

INSIDE, ENTER, EXIT = 0, 1, 2
SLOWEST_MPS = 1.0
Event = tuple[int, int, int, float, float, int, float, float]


class CrossingFold:
    """State and fold of crossings; see native/crossings.pyi."""

    def __init__(
        self,
        grid: FenceGrid,
        default_accuracy_m: float,
        min_accuracy_m: float,
        max_accuracy_m: float,
        enter_accuracies: float,
        exit_accuracies: float,
        enter_dwell_s: float,
        exit_dwell_s: float,
        pass_max_gap_s: float,
        pass_max_gap_m: float,
    ) -> None:
        self._grid = grid
        self._default_accuracy_m = default_accuracy_m
        self._min_accuracy_m = min_accuracy_m
        self._max_accuracy_m = max_accuracy_m
        self._enter_accuracies = enter_accuracies
        self._exit_accuracies = exit_accuracies
        self._enter_dwell_s = enter_dwell_s
        self._exit_dwell_s = exit_dwell_s
        self._pass_max_gap_s = pass_max_gap_s
        self._pass_max_gap_m = pass_max_gap_m
        self._slots: dict[int, Slot] = {}
        self._events: list[Event] = []

    def process(
        self,
        slots: NDArray[np.int64],
        times_s: NDArray[np.float64],
        lats: NDArray[np.float64],
        lons: NDArray[np.float64],
        accuracies_m: NDArray[np.float64],
    ) -> tuple[
        NDArray[np.int64],
        NDArray[np.int64],
        NDArray[np.int8],
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.int64],
        NDArray[np.float64],
        NDArray[np.float64],
    ]:
        """Fold a batch in; the columns of `geo.crossings.Crossings`."""
        self._check(slots, times_s, lats, lons, accuracies_m)
        self._events = []
        for i, slot in enumerate(slots.tolist()):
            accuracy = self._accuracy(float(accuracies_m[i]))
            if accuracy <= self._max_accuracy_m:
                fix = Fix(float(times_s[i]), float(lats[i]), float(lons[i]), accuracy)
                self._step(i, slot, fix)
        columns = list(zip(*self._events, strict=True)) or [()] * 8
        kinds = (np.int64, np.int64, np.int8, np.float64, np.float64, np.int64, np.float64, np.float64)
        return tuple(np.array(c, dtype=kind) for c, kind in zip(columns, kinds, strict=True))  # type: ignore[return-value]

    def save_state(self, slot: int) -> bytes:
        """The slot's state as bytes."""
        check_slot(slot)
        return pack_state(self._slots.get(slot, Slot()))

    def load_state(self, slot: int, state: bytes) -> None:
        """Replace the slot's state by a saved one."""
        check_slot(slot)
        self._slots[slot] = unpack_state(state)

    def clear(self, slot: int) -> None:
        """Forget the slot."""
        check_slot(slot)
        self._slots.pop(slot, None)

    def replace_grid(self, grid: FenceGrid) -> None:
        """Judge from now on by other fences."""
        self._grid = grid

    def _check(
        self,
        slots: NDArray[np.int64],
        times_s: NDArray[np.float64],
        lats: NDArray[np.float64],
        lons: NDArray[np.float64],
        accuracies_m: NDArray[np.float64],
    ) -> None:
        if not len(slots) == len(times_s) == len(lats) == len(lons) == len(accuracies_m):
            raise ValueError("the columns must be equally long")
        check_positions(lats, lons, "fix")
        check_times(times_s)
        seen: dict[int, float] = {}
        for i, (slot, at_s) in enumerate(zip(slots.tolist(), times_s.tolist(), strict=True)):
            check_slot(slot)
            if accuracies_m[i] < 0.0:
                raise ValueError(f"accuracy {i} is negative")
            if slot not in seen:
                state = self._slots.get(slot)
                seen[slot] = state.last.at_s if state is not None and state.last is not None else -math.inf
            if at_s < seen[slot]:
                raise ValueError(
                    f"fix {i} of slot {slot} is older than the one before it: sort, or rebuild the slot"
                )
            seen[slot] = at_s

    def _accuracy(self, accuracy_m: float) -> float:
        return self._default_accuracy_m if math.isnan(accuracy_m) else max(accuracy_m, self._min_accuracy_m)

    def _step(self, i: int, slot: int, fix: Fix) -> None:
        state = self._slots.setdefault(slot, Slot())
        known = sorted(state.pairs)
        for fence_id in known:
            self._follow(i, slot, state, fence_id, fix)
        for version in self._grid.versions_over(fix.lat, fix.lon, fix.at_s):
            if self._grid.fence_ids[version] not in known:
                self._meet(i, slot, state, version, fix)
        if self._starts_pass(state, fix):
            self._note_passes(state, known, fix)
        state.before, state.last = state.last, fix

    def _emit(self, i: int, slot: int, fence_id: int, kind: int, cut: Cut) -> None:
        self._events.append((slot, fence_id, kind, cut.at_s, cut.plus_minus_s, i, cut.lat, cut.lon))

    def _follow(self, i: int, slot: int, state: Slot, fence_id: int, fix: Fix) -> None:
        """One fix against a fence the vehicle is not simply outside of."""
        pair = state.pairs[fence_id]
        version = self._grid.version_at(fence_id, fix.at_s)
        if version < 0:
            self._end(i, slot, state, fence_id, fix)
            return
        distance = self._grid.depth_m(version, fix.lat, fix.lon)
        if pair.phase in (Phase.ENTERING, Phase.PASSING):
            self._follow_outside(i, slot, state, fence_id, version, fix, distance)
        elif distance <= 0.0:
            state.pairs[fence_id] = Pair(Phase.WITHIN, pair.since_s)
        else:
            if pair.phase is Phase.WITHIN:
                pair.phase, pair.cut = Phase.LEAVING, self._cut(version, state.last, fix, distance)
            self._weigh(pair, version, fix, distance)
            self._confirm(i, slot, state, fence_id, fix.at_s)

    def _follow_outside(
        self, i: int, slot: int, state: Slot, fence_id: int, version: int, fix: Fix, distance: float
    ) -> None:
        """One fix against a fence the vehicle has not been believed to be inside of."""
        pair = state.pairs[fence_id]
        if distance <= 0.0:
            if pair.decisive == 0 and pair.phase is Phase.PASSING:
                self._begin(state, version, fix)
                return
            pair.phase, pair.exit_cut = Phase.ENTERING, NO_CUT
            self._weigh(pair, version, fix, distance)
            self._confirm(i, slot, state, fence_id, fix.at_s)
        elif pair.phase is Phase.PASSING:
            self._resolve_pass(i, slot, state, fence_id, fix)
        elif pair.decisive > 0 and self._went_on(pair, state.last, fix):
            pair.phase, pair.exit_cut = Phase.PASSING, self._cut(version, state.last, fix, distance)
        else:
            del state.pairs[fence_id]

    def _end(self, i: int, slot: int, state: Slot, fence_id: int, fix: Fix) -> None:
        """A fence no longer in force is left when it ended, or when the vehicle was seen to leave it."""
        pair, last = state.pairs[fence_id], state.last
        if pair.phase is Phase.PASSING:
            self._resolve_pass(i, slot, state, fence_id, fix)
            return
        del state.pairs[fence_id]
        if pair.phase is Phase.ENTERING or last is None:
            return
        cut = pair.cut
        if pair.phase is Phase.WITHIN:
            ended = self._grid.ended_before(fence_id, fix.at_s)
            at_s = self._grid.valid_until_s[ended] if ended >= 0 else last.at_s
            cut = Cut(at_s, 0.0, last.lat, last.lon)
        self._emit(i, slot, fence_id, EXIT, cut._replace(at_s=max(cut.at_s, pair.since_s)))

    def _meet(self, i: int, slot: int, state: Slot, version: int, fix: Fix) -> None:
        """The first fix inside a fence: the initial state, or the start of a run to enter it."""
        fence_id = self._grid.fence_ids[version]
        if state.last is not None and self._grid.version_at(fence_id, state.last.at_s) >= 0:
            self._begin(state, version, fix)
            return
        state.pairs[fence_id] = Pair(Phase.WITHIN, since_s=fix.at_s)
        self._emit(i, slot, fence_id, INSIDE, Cut(fix.at_s, 0.0, fix.lat, fix.lon))

    def _begin(self, state: Slot, version: int, fix: Fix) -> None:
        """Start a run to enter a fence."""
        distance = self._grid.depth_m(version, fix.lat, fix.lon)
        pair = Pair(Phase.ENTERING, cut=self._cut(version, state.last, fix, distance))
        self._weigh(pair, version, fix, distance)
        state.pairs[self._grid.fence_ids[version]] = pair

    def _weigh(self, pair: Pair, version: int, fix: Fix, distance: float) -> None:
        """Count a fix of a run for what its distance from the edge is worth."""
        if pair.phase is Phase.LEAVING:
            band, dwells = self._exit_accuracies * fix.accuracy_m, distance > fix.accuracy_m
        else:
            band, dwells = self._enter_band(version, fix.accuracy_m), True
        if abs(distance) >= band:
            pair.decisive += 1
        if not dwells:
            pair.dwell_from_s = math.nan
        elif math.isnan(pair.dwell_from_s):
            pair.dwell_from_s = fix.at_s

    def _confirm(self, i: int, slot: int, state: Slot, fence_id: int, at_s: float) -> None:
        """Emit the crossing a run amounts to once it is believed."""
        pair = state.pairs[fence_id]
        leaving = pair.phase is Phase.LEAVING
        dwell_s = self._exit_dwell_s if leaving else self._enter_dwell_s
        if pair.decisive < 2 and not at_s - pair.dwell_from_s >= dwell_s:
            return
        self._emit(i, slot, fence_id, EXIT if leaving else ENTER, pair.cut)
        if leaving:
            del state.pairs[fence_id]
        else:
            state.pairs[fence_id] = Pair(Phase.WITHIN, since_s=pair.cut.at_s)

    def _bridges(self, last: Fix, fix: Fix) -> bool:
        """Whether two fixes are near enough, in time and space, to believe in a straight way between."""
        if not 0.0 < fix.at_s - last.at_s <= self._pass_max_gap_s:
            return False
        return 0.0 < point_distance_m(last.lat, last.lon, fix.lat, fix.lon) <= self._pass_max_gap_m

    def _starts_pass(self, state: Slot, fix: Fix) -> bool:
        """Whether to look for fences between the last fix and this: the last must not look like a spike."""
        before, last = state.before, state.last
        if before is None or last is None or not self._bridges(last, fix):
            return False
        out_m = point_distance_m(before.lat, before.lon, last.lat, last.lon)
        back_m = point_distance_m(last.lat, last.lon, fix.lat, fix.lon)
        across_m = point_distance_m(before.lat, before.lon, fix.lat, fix.lon)
        turns_back = out_m * out_m + back_m * back_m - across_m * across_m > out_m * back_m
        return not (turns_back and out_m > self._noise_m(last, fix))

    def _noise_m(self, last: Fix, fix: Fix) -> float:
        """What two fixes of a parked vehicle are hardly ever apart."""
        return 2.0 * self._exit_accuracies * max(last.accuracy_m, fix.accuracy_m)

    def _went_on(self, pair: Pair, last: Fix | None, fix: Fix) -> bool:
        """Whether a fix lies onward from the last one, seen from where the fence was entered, and not back
        there.
        """
        if last is None or not self._bridges(last, fix):
            return False
        from_entry_m = point_distance_m(pair.cut.lat, pair.cut.lon, fix.lat, fix.lon)
        return point_distance_m(last.lat, last.lon, fix.lat, fix.lon) < from_entry_m

    def _note_passes(self, state: Slot, known: list[int], fix: Fix) -> None:
        """Fences that the segment from the last fix to this one goes right through, until the next fix
        confirms it.
        """
        for version in self._grid.in_order:
            fence_id = self._grid.fence_ids[version]
            in_force = self._grid.valid_from_s[version] <= fix.at_s < self._grid.valid_until_s[version]
            if in_force and fence_id not in known and fence_id not in state.pairs:
                pair = self._pass(version, state.last, fix)
                if pair is not None:
                    state.pairs[fence_id] = pair

    def _pass(self, version: int, last: Fix | None, fix: Fix) -> Pair | None:
        """The pass of a segment deep enough through a version, both ends being outside."""
        grid = self._grid
        if (
            last is None
            or grid.contains(version, last.lat, last.lon)
            or grid.contains(version, fix.lat, fix.lon)
        ):
            return None
        cuts = grid.edge_cuts(version, last.lat, last.lon, fix.lat, fix.lon)
        if cuts is None:
            return None
        accuracy = max(last.accuracy_m, fix.accuracy_m)
        middle = between(last, fix, (cuts[0] + cuts[1]) * 0.5, 0.0)
        if -grid.depth_m(version, middle.lat, middle.lon) < self._enter_band(version, accuracy):
            return None
        gap_s = fix.at_s - last.at_s
        speed_mps = point_distance_m(last.lat, last.lon, fix.lat, fix.lon) / gap_s
        plus_minus_s = gap_s * 0.5 + accuracy / max(speed_mps, SLOWEST_MPS)
        enter, leave = (between(last, fix, cut, plus_minus_s) for cut in cuts)
        return Pair(Phase.PASSING, cut=enter, exit_cut=leave)

    def _resolve_pass(self, i: int, slot: int, state: Slot, fence_id: int, fix: Fix) -> None:
        """The fix after a pass: believed when the vehicle has moved on by more than noise and not back."""
        pair, last = state.pairs.pop(fence_id), state.last
        if last is None:
            return
        from_entry_m = point_distance_m(pair.cut.lat, pair.cut.lon, fix.lat, fix.lon)
        onward_m = point_distance_m(last.lat, last.lon, fix.lat, fix.lon)
        if onward_m < from_entry_m and from_entry_m >= self._noise_m(last, fix):
            self._emit(i, slot, fence_id, ENTER, pair.cut)
            self._emit(i, slot, fence_id, EXIT, pair.exit_cut)

    def _enter_band(self, version: int, accuracy: float) -> float:
        return min(self._enter_accuracies * accuracy, self._grid.half_widths_m[version] * 0.5)

    def _cut(self, version: int, last: Fix | None, fix: Fix, distance: float) -> Cut:
        """Where the way from the last fix to this one crosses the edge; `distance` is this fix's from it."""
        if last is None:
            return Cut(fix.at_s, 0.0, fix.lat, fix.lon)
        gap_s = fix.at_s - last.at_s
        entering = distance <= 0.0
        last_distance = self._grid.depth_m(version, last.lat, last.lon)
        speed_mps = abs(distance - last_distance) / gap_s if gap_s > 0.0 else 0.0
        accuracy = max(last.accuracy_m, fix.accuracy_m)
        plus_minus_s = gap_s * 0.5 + accuracy / max(speed_mps, SLOWEST_MPS)
        if (last_distance <= 0.0) == entering:
            share = 0.0
            if gap_s > 0.0:
                share = min(max((self._grid.valid_from_s[version] - last.at_s) / gap_s, 0.0), 1.0)
            return between(last, fix, share, plus_minus_s)
        cuts = self._grid.edge_cuts(version, last.lat, last.lon, fix.lat, fix.lon)
        if cuts is None:
            return between(last, fix, last_distance / (last_distance - distance), plus_minus_s)
        return between(last, fix, cuts[0] if entering else cuts[1], plus_minus_s)
