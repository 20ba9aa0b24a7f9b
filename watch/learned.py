"""What watch estimates with: the learned pace of roads, past errors, and the roads of trips."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from geo.pace import Observation, PaceTable
from geo.quantiles import ErrorBook
from geo.road_cells import RoadPath, lane_of, road_path
from store import learning
from store.pool import Connection

REFRESH = timedelta(minutes=5)
ERRORS_KEPT = timedelta(days=30)
MOST_PATHS = 5000


class Learned:
    """A copy of what is in the database, read again every few minutes; never written back."""

    def __init__(self) -> None:
        self.table = PaceTable()
        self.errors = ErrorBook()
        self._read_at: datetime | None = None
        self._paths: dict[int, RoadPath] = {}

    async def refresh(self, connection: Connection, now: datetime) -> None:
        """Read what was learned, unless that was done a moment ago."""
        if self._read_at is not None and timedelta(0) <= now - self._read_at < REFRESH:
            return
        self.table = await read_table(connection)
        self.errors = await read_errors(connection, now)
        self._read_at = now

    async def paths(self, connection: Connection, trip_ids: Collection[int]) -> dict[int, RoadPath]:
        """The roads of trips; a trip's route never changes, so each is cut into pieces once."""
        if len(self._paths) > MOST_PATHS:
            self._paths.clear()
        missing = set(trip_ids) - self._paths.keys()
        if missing:
            for trip_id, (lats, lons) in (await learning.routes(connection, missing)).items():
                self._paths[trip_id] = road_path(lats, lons, lane=lane_of(lats, lons))
        return {trip_id: self._paths[trip_id] for trip_id in trip_ids}


async def read_table(connection: Connection) -> PaceTable:
    """The pace of roads as learned."""
    table = PaceTable()
    table.add(observation_of(await learning.cells(connection)))
    return table


async def read_errors(connection: Connection, now: datetime) -> ErrorBook:
    """The errors of the estimates that were told and have been scored."""
    errors = ErrorBook()
    rows = await learning.errors(connection, now - ERRORS_KEPT)
    if rows:
        errors.add(*np.array(rows).T)
    return errors


def observation_of(sums: learning.Sums) -> Observation:
    """Stored sums as the learner takes them."""
    return Observation(
        np.array(sums.cells, np.int64),
        np.array(sums.slots, np.int64),
        np.array(sums.seconds, np.float64),
        np.array(sums.weights, np.float64),
        np.array(sums.squares, np.float64),
    )


def sums_of(observation: Observation) -> learning.Sums:
    """What was observed, as it is stored."""
    return learning.Sums(
        observation.keys.tolist(),
        observation.slots.tolist(),
        observation.seconds.tolist(),
        observation.weights.tolist(),
        observation.squares.tolist(),
    )


def utc_offset_s(time_zone: str, now: datetime) -> float:
    """How far clocks in a time zone are ahead of UTC."""
    offset = now.astimezone(ZoneInfo(time_zone)).utcoffset()
    return offset.total_seconds() if offset is not None else 0.0
