"""The one way to bring vehicles' state in line with their stored facts, whatever put it out of line.

Late fixes, restart, take-over, rollback and changed fences, trips or assignments all come here: fold again
from the last checkpoint before the first affected time, then correct what the database says was derived.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.crossings import Crossing
from ingest.context import IngestContext
from ingest.engine import ENGINE_VERSION, Folded
from ingest.fleet import LONG_AGO
from store import crossings, facts


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild changed."""

    folded: Folded = field(default_factory=Folded)
    new_crossings: list[Crossing] = field(default_factory=list)
    superseded: list[Crossing] = field(default_factory=list)


async def rebuild(context: IngestContext, since: Mapping[int, datetime], now: datetime) -> Rebuilt:
    """Fold each vehicle's facts again from a device time on, and write the difference.

    Of what was decided from `since` on, crossings that no longer follow from the facts are superseded and new
    ones recorded; checkpoints and progress from then on are replaced. What was decided before stands: nothing
    that changed since can have changed it, and its facts may no longer be kept.
    """
    if not since:
        return Rebuilt()
    connection, engine = context.connection, context.engine
    checkpoints = await crossings.newest_checkpoints(connection, since, engine_version=ENGINE_VERSION)
    after = {
        vehicle_id: checkpoints[vehicle_id].at if vehicle_id in checkpoints else LONG_AGO
        for vehicle_id in since
    }
    await crossings.drop_since(connection, since)
    for vehicle_id in since:
        if vehicle_id in checkpoints:
            engine.load(checkpoints[vehicle_id])
        else:
            engine.start(vehicle_id)
    folded = engine.fold(await facts.positions_of_vehicles(connection, after))
    rebuilt = Rebuilt(folded)
    await _correct_crossings(context, since, rebuilt, now)
    return rebuilt


async def _correct_crossings(
    context: IngestContext, since: Mapping[int, datetime], rebuilt: Rebuilt, now: datetime
) -> None:
    current = await crossings.current_since(context.connection, since)
    follows = {item for item in rebuilt.folded.crossings if item.decided_at >= since[item.vehicle_id]}
    wrong = {crossing_id: item for crossing_id, item in current.items() if item not in follows}
    rebuilt.superseded = sorted(wrong.values())
    rebuilt.new_crossings = sorted(follows - set(current.values()))
    await crossings.supersede(context.connection, wrong.keys(), now)
    await crossings.record(context.connection, rebuilt.new_crossings)
