"""Steps of the pipeline that follow vehicles: fold new fixes, refold late ones, derive milestones."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Mapping

from domain.facts import Fix
from ingest.batch import Batch, Held
from ingest.context import IngestContext
from ingest.engine import ENGINE_VERSION
from ingest.rebuild import Behind, rebuild, resume
from store import crossings, evidence, facts
from store.facts import LatestPosition, StoredFix

_SINGLE = struct.Struct("f")
"""Speeds are stored in 32 bits: a fix folded as it comes and one read back must be the same."""


async def fold_vehicles(batch: Batch, context: IngestContext) -> None:
    """Fold the new fixes into crossings and progress: forward where they are in order, else by a rebuild."""
    batch.tracked = _tracked(batch.fixes, context)
    fixes = _foldable(batch.tracked)
    await resume(context, fixes)
    asked = {vehicle_id: Behind(since) for vehicle_id, since in batch.refold.items()}
    behind = asked | _out_of_line(fixes, context)
    rebuilt = await rebuild(context, behind, batch.now)
    forward = [
        fix
        for vehicle_id in sorted(fixes)
        if vehicle_id not in behind
        for fix in sorted(fixes[vehicle_id], key=lambda fix: (fix.device_time, fix.content_hash))
    ]
    folded = context.engine.fold(forward)
    await crossings.record(context.connection, sorted(folded.crossings))
    batch.crossings = [*rebuilt.new_crossings, *folded.crossings]
    batch.superseded = rebuilt.superseded
    batch.progress = sorted(
        (rebuilt.folded.progress | folded.progress).values(), key=lambda progress: progress.trip_id
    )
    batch.rebuilt_vehicles = behind.keys()
    batch.folded_fixes, batch.refolded_fixes = len(forward), rebuilt.fixes
    batch.refused_fixes = [*rebuilt.folded.refused, *folded.refused]
    batch.moved_vehicles = fixes.keys() | behind.keys()


async def store_tracks(batch: Batch, context: IngestContext) -> None:
    """Write latest positions, progress and checkpoints, and tell who is interested."""
    connection = context.connection
    rebuilt = {vehicle_id: context.engine.believed(vehicle_id) for vehicle_id in batch.rebuilt_vehicles}
    await facts.place_latest_positions(connection, rebuilt)
    await facts.advance_latest_positions(connection, _newest_believed(batch, context))
    await crossings.advance_progress(connection, batch.progress)
    checkpoints = context.engine.due_checkpoints(batch.moved_vehicles)
    await crossings.keep_checkpoints(connection, checkpoints, engine_version=ENGINE_VERSION)
    context.work.tell("position", batch.moved_vehicles)
    context.work.tell("crossing", {item.vehicle_id for item in (*batch.crossings, *batch.superseded)})


async def record_evidence(batch: Batch, context: IngestContext) -> None:
    """Derive the milestones of every order that the batch's scans and crossings speak of."""
    orders = await evidence.orders_of_codes(
        context.connection, context.principal, {held.fact.code for held in batch.scans}
    )
    moved = [*batch.crossings, *batch.superseded]
    orders |= await evidence.orders_of_crossings(context.connection, context.principal, moved)
    orders |= context.refold.orders
    orders |= await evidence.orders_of_trips(context.connection, context.refold.trips)
    orders |= await evidence.orders_of_scanners(context.connection, context.refold.scanners)
    batch.milestones = await evidence.record_evidence(context.work, orders, batch.now)


def _tracked(helds: Iterable[Held[Fix]], context: IngestContext) -> list[tuple[int, Held[Fix]]]:
    """The fixes of devices that spoke for a vehicle then, with the vehicle."""
    tracked = []
    for held in helds:
        vehicle_id = context.fleet.vehicle_at(held.device.device_id, held.fact.stamp.device_time)
        if vehicle_id is not None:
            tracked.append((vehicle_id, held))
    return tracked


def _foldable(tracked: Iterable[tuple[int, Held[Fix]]]) -> dict[int, list[StoredFix]]:
    """By vehicle, the fixes that are not past the refold horizon."""
    fixes: dict[int, list[StoredFix]] = defaultdict(list)
    for vehicle_id, held in tracked:
        fix, stamp = held.fact, held.fact.stamp
        if not stamp.too_late:
            fixes[vehicle_id].append(
                StoredFix(
                    vehicle_id,
                    stamp.device_time,
                    stamp.content_hash,
                    fix.lat,
                    fix.lon,
                    fix.accuracy_m,
                    None if fix.speed_mps is None else _SINGLE.unpack(_SINGLE.pack(fix.speed_mps))[0],
                    held.device.kind,
                )
            )
    return fixes


def _out_of_line(fixes: Mapping[int, list[StoredFix]], context: IngestContext) -> dict[int, Behind]:
    """Vehicles that must be rebuilt before or instead of folding forward, each since when."""
    behind: dict[int, Behind] = {}
    for vehicle_id, new in fixes.items():
        first = min(fix.device_time for fix in new)
        asked = context.refold.since.get(vehicle_id)
        if not context.engine.knows(vehicle_id):
            behind[vehicle_id] = Behind(min(first, asked or first))
        elif asked is not None:
            behind[vehicle_id] = Behind(min(first, asked))
        else:
            seen_at = context.engine.seen_at(vehicle_id)
            if seen_at is not None and first <= seen_at:
                late = [fix.device_time for fix in new if fix.device_time <= seen_at]
                behind[vehicle_id] = Behind(first, max(late))
    return behind


def _newest_believed(batch: Batch, context: IngestContext) -> list[LatestPosition]:
    """Where the vehicles that were folded forward were last seen, where that is new."""
    believed = [
        context.engine.believed(vehicle_id)
        for vehicle_id in batch.moved_vehicles.difference(batch.rebuilt_vehicles)
    ]
    wanted = {(fix.vehicle_id, fix.device_time, fix.content_hash) for fix in believed if fix is not None}
    newest: dict[int, LatestPosition] = {}
    for vehicle_id, held in batch.tracked:
        stamp = held.fact.stamp
        if (vehicle_id, stamp.device_time, stamp.content_hash) in wanted:
            newest.setdefault(vehicle_id, LatestPosition(vehicle_id, held.device.device_id, held.fact))
    return list(newest.values())
