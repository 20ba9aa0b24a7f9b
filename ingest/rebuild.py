"""The one way to bring vehicles' state in line with their stored facts, whatever put it out of line.

Late fixes, restart, take-over, rollback and changed fences, trips or assignments all come here: fold again
from the last checkpoint before the first affected time, then correct what the database says was derived.
Where late fixes alone are the reason, the fold stops as soon as it is, after them, in a state it was in
before: from there on nothing can differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from domain.crossings import Crossing
from ingest.context import IngestContext
from ingest.engine import CHECKPOINT_EVERY, ENGINE_VERSION, Engine, Folded
from ingest.fences import FAR_AHEAD, LONG_AGO
from store import crossings, facts
from store.crossings import Checkpoint
from store.facts import StoredFix

ANCHORS = 3
TIME_AT_ONCE = timedelta(days=20)
"""Of all vehicles together: it bounds the memory their fixes take."""


@dataclass(frozen=True, slots=True)
class Behind:
    """Since when a vehicle's state is out of line; and, where late fixes alone made it so, of up to when."""

    since: datetime
    late_until: datetime | None = None


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild changed, the checkpoints it passed, and how many fixes it folded."""

    folded: Folded = field(default_factory=Folded)
    new_crossings: list[Crossing] = field(default_factory=list)
    superseded: list[Crossing] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    fixes: int = 0

    def add(self, folded: Folded) -> None:
        """Take in what a further stretch gave."""
        self.folded.crossings += folded.crossings
        self.folded.progress |= folded.progress
        self.folded.refused += folded.refused


async def resume(context: IngestContext, fixes: Mapping[int, Sequence[StoredFix]]) -> None:
    """Know vehicles again as they were at their last checkpoint, where only these fixes, just stored, came
    after it: they need no rebuild, and the fixes need not be read back. A rebuild leaves checkpoints on the
    way, so longer stretches are left to it.
    """
    engine = context.engine
    since = {}
    for vehicle_id, new in fixes.items():
        first, last = min(fix.device_time for fix in new), max(fix.device_time for fix in new)
        is_asked = vehicle_id in context.refold.since
        if not engine.knows(vehicle_id) and not is_asked and last - first <= CHECKPOINT_EVERY:
            since[vehicle_id] = first
    if not since:
        return
    found = await crossings.newest_checkpoints(context.connection, since, engine_version=ENGINE_VERSION)
    after = {vehicle_id: found[vehicle_id].at if vehicle_id in found else LONG_AGO for vehicle_id in since}
    stored = await facts.count_positions_after(context.connection, after)
    for vehicle_id in since:
        if stored.get(vehicle_id) != len(fixes[vehicle_id]):
            continue
        if vehicle_id in found:
            engine.load(found[vehicle_id])
        else:
            engine.start(vehicle_id)


async def rebuild(context: IngestContext, behind: Mapping[int, Behind], now: datetime) -> Rebuilt:
    """Fold vehicles' facts again from a device time on, and write the difference.

    Of what was decided in the stretch folded again, crossings that no longer follow from the facts are
    superseded and new ones recorded; its checkpoints and progress are replaced. What was decided before it
    stands: nothing that changed since can have changed it, and its facts may no longer be kept.
    """
    whole = Rebuilt()
    newest = await facts.newest_fix_times(context.connection, behind) if behind else {}
    for group in _groups(behind, newest):
        rebuilt = await _rebuild(context, group, now)
        whole.add(rebuilt.folded)
        whole.new_crossings += rebuilt.new_crossings
        whole.superseded += rebuilt.superseded
        whole.fixes += rebuilt.fixes
    return whole


def _groups(behind: Mapping[int, Behind], newest: Mapping[int, datetime]) -> Iterator[dict[int, Behind]]:
    """The vehicles in groups that have not much more than TIME_AT_ONCE to fold again together."""
    group: dict[int, Behind] = {}
    time = timedelta()
    for vehicle_id, part in behind.items():
        group[vehicle_id] = part
        until = part.late_until or newest.get(vehicle_id, part.since)
        time += CHECKPOINT_EVERY + max(until - part.since, timedelta())
        if time > TIME_AT_ONCE:
            yield group
            group, time = {}, timedelta()
    if group:
        yield group


async def _rebuild(context: IngestContext, behind: Mapping[int, Behind], now: datetime) -> Rebuilt:
    rebuilt = Rebuilt()
    connection, engine = context.connection, context.engine
    anchors = await _anchors(context, behind)
    after = await _start_before(context, {vehicle_id: part.since for vehicle_id, part in behind.items()})
    # Of the progress dropped below, no fix after the checkpoint may be left to make it again.
    resumed = [progress for vehicle_id in behind if (progress := engine.progress(vehicle_id)) is not None]
    rebuilt.folded.progress = {progress.trip_id: progress for progress in resumed}
    windows = {vehicle_id: (after[vehicle_id], known[-1].at) for vehicle_id, known in anchors.items()}
    met = _refold(engine, await facts.positions_of_vehicles(connection, windows), anchors, rebuilt)
    for vehicle_id, (_, until) in windows.items():
        after[vehicle_id] = until
        if vehicle_id in met:
            engine.resume(vehicle_id)
            after[vehicle_id] = engine.seen_at(vehicle_id) or until
    engine.forget_aside()
    rest = {vehicle_id: (at, FAR_AHEAD) for vehicle_id, at in after.items()}
    _refold(engine, await facts.positions_of_vehicles(connection, rest), {}, rebuilt)

    spans = {vehicle_id: (part.since, met.get(vehicle_id, FAR_AHEAD)) for vehicle_id, part in behind.items()}
    await crossings.drop_between(connection, spans)
    await crossings.keep_checkpoints(connection, rebuilt.checkpoints, engine_version=ENGINE_VERSION)
    await _correct_crossings(context, spans, rebuilt, now)
    return rebuilt


async def _anchors(context: IngestContext, behind: Mapping[int, Behind]) -> dict[int, list[Checkpoint]]:
    """States at or after their late fixes that vehicles were in before those came; the present one is set
    aside.
    """
    engine = context.engine
    late_until = {
        vehicle_id: part.late_until for vehicle_id, part in behind.items() if part.late_until is not None
    }
    if not late_until:
        return {}
    anchors = await crossings.checkpoints_from(
        context.connection, late_until, ANCHORS, engine_version=ENGINE_VERSION
    )
    for vehicle_id, known in anchors.items():
        if len(known) < ANCHORS:
            known.append(engine.state(vehicle_id))
        engine.set_aside(vehicle_id)
    return anchors


async def _start_before(context: IngestContext, since: Mapping[int, datetime]) -> dict[int, datetime]:
    """Put each vehicle in its state at its last checkpoint before a time; returns when that was."""
    found = await crossings.newest_checkpoints(context.connection, since, engine_version=ENGINE_VERSION)
    for vehicle_id in since:
        if vehicle_id in found:
            context.engine.load(found[vehicle_id])
        else:
            context.engine.start(vehicle_id)
    return {vehicle_id: found[vehicle_id].at if vehicle_id in found else LONG_AGO for vehicle_id in since}


def _refold(
    engine: Engine,
    fixes: Sequence[StoredFix],
    anchors: Mapping[int, Sequence[Checkpoint]],
    rebuilt: Rebuilt,
) -> dict[int, datetime]:
    """Fold fixes, a stretch of every vehicle at a time; returns the vehicles that met an anchor, and when.

    A vehicle that meets one of its anchors goes no further.
    """
    met: dict[int, datetime] = {}
    courses = {
        vehicle_id: _stretches(list(own), anchors.get(vehicle_id, ()))
        for vehicle_id, own in groupby(fixes, key=lambda fix: fix.vehicle_id)
    }
    while courses:
        turn = {vehicle_id: next(course, None) for vehicle_id, course in courses.items()}
        stretches = {vehicle_id: stretch for vehicle_id, stretch in turn.items() if stretch}
        rebuilt.add(engine.fold([fix for vehicle_id in sorted(stretches) for fix in stretches[vehicle_id]]))
        rebuilt.fixes += sum(map(len, stretches.values()))
        for vehicle_id in stretches.keys() & anchors.keys():
            state = engine.state(vehicle_id)
            if state in anchors[vehicle_id]:
                met[vehicle_id] = state.at
        rebuilt.checkpoints += engine.due_checkpoints(stretches.keys() - met.keys())
        courses = {vehicle_id: courses[vehicle_id] for vehicle_id in stretches if vehicle_id not in met}
    return met


def _stretches(fixes: Sequence[StoredFix], anchors: Sequence[Checkpoint]) -> Iterator[list[StoredFix]]:
    """Cut a vehicle's fixes after each anchor and after the time between two checkpoints."""
    ends = sorted({anchor.at for anchor in anchors}, reverse=True)
    stretch: list[StoredFix] = []
    for fix in fixes:
        is_past_anchor = bool(ends) and fix.device_time > ends[-1]
        if stretch and (is_past_anchor or fix.device_time - stretch[0].device_time > CHECKPOINT_EVERY):
            yield stretch
            stretch = []
        while ends and fix.device_time > ends[-1]:
            ends.pop()
        stretch.append(fix)
    if stretch:
        yield stretch


async def _correct_crossings(
    context: IngestContext,
    spans: Mapping[int, tuple[datetime, datetime]],
    rebuilt: Rebuilt,
    now: datetime,
) -> None:
    since = {vehicle_id: first for vehicle_id, (first, _) in spans.items()}
    current = await crossings.current_since(context.connection, since)
    follows = {item for item in rebuilt.folded.crossings if item.decided_at >= since[item.vehicle_id]}
    wrong = {
        crossing_id: item
        for crossing_id, item in current.items()
        if item not in follows and item.decided_at <= spans[item.vehicle_id][1]
    }
    rebuilt.superseded = sorted(wrong.values())
    rebuilt.new_crossings = sorted(follows - set(current.values()))
    await crossings.supersede(context.connection, wrong.keys(), now)
    await crossings.record(context.connection, rebuilt.new_crossings)
