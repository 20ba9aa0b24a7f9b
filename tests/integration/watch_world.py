"""A small world for the tests of watch: vehicles, trips, orders and what happens to them, at chosen times."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from prometheus_client import CollectorRegistry

from domain.access import process_principal
from domain.alerts import LateRiskRule
from domain.crossings import Crossing, CrossingKind
from domain.estimates import PublishRule
from store import crossings, evidence
from store.unit_of_work import unit_of_work
from watch import etas, late, late_risk, stale
from watch.learned import Learned
from watch.measures import WatchMeasures
from watch.schedule import Heard, Turn

WATCH = process_principal("watch")
T0 = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


@dataclass(frozen=True)
class Stop:
    """A stop of a trip, 1 km to the minute from the start if nothing else is said."""

    name: str
    kind: str
    distance_m: float
    geofence_id: int | None = None
    arrival_min: float | None = None
    departure_min: float | None = None
    service_s: float = 0.0


@dataclass
class World:
    """Writes to the real tables as ingest and the API do."""

    connection: Any
    depot_id: int = 0
    measures: WatchMeasures = field(default_factory=lambda: WatchMeasures(CollectorRegistry()))
    learned: Learned = field(default_factory=Learned)
    numbers: Any = field(default_factory=lambda: count(1))

    async def begin(self) -> "World":
        self.depot_id = await self.depot()
        return self

    async def depot(self) -> int:
        return await self._insert(
            "insert into depot (public_id, code, name) values (gen_random_uuid(), $1, 'Depot')"
            " returning depot_id",
            f"D{next(self.numbers)}",
        )

    async def vehicle(self, *, tracker_interval_s: float | None = 30.0) -> int:
        """A vehicle, with a tracker assigned since long ago unless the interval is None."""
        vehicle_id = await self._insert(
            "insert into vehicle (public_id, depot_id, label) values (gen_random_uuid(), $1, $2)"
            " returning vehicle_id",
            self.depot_id,
            f"V{next(self.numbers)}",
        )
        if tracker_interval_s is not None:
            await self._insert(
                "with tracker as (insert into device (public_id, depot_id, name, kind, expected_interval_s)"
                " values (gen_random_uuid(), $1, $2, 'tracker', $3) returning device_id)"
                " insert into device_assignment (device_id, vehicle_id, period)"
                " select device_id, $4, tstzrange($5, null) from tracker returning device_id",
                self.depot_id,
                f"T{next(self.numbers)}",
                tracker_interval_s,
                vehicle_id,
                at(-10_000),
            )
        return vehicle_id

    async def fence(self) -> int:
        return await self._insert(
            "insert into geofence (public_id, depot_id, name, purpose)"
            " values (gen_random_uuid(), $1, $2, 'other') returning geofence_id",
            self.depot_id,
            f"F{next(self.numbers)}",
        )

    async def trip(
        self, vehicle_id: int, stops: Sequence[Stop], *, from_min: float = -60, to_min: float = 1440
    ) -> int:
        trip_id = await self._insert(
            "insert into trip (public_id, depot_id, vehicle_id, label, active, route_lats, route_lons)"
            " values (gen_random_uuid(), $1, $2, 'trip', tstzrange($3, $4), '{31,32}', '{120,121}')"
            " returning trip_id",
            self.depot_id,
            vehicle_id,
            at(from_min),
            at(to_min),
        )
        for seq, stop in enumerate(stops):
            await self.connection.execute(
                "insert into stop (trip_id, seq, name, kind, geofence_id, lat, lon, distance_m,"
                " planned_arrival_at, planned_departure_at, service_s)"
                " values ($1, $2, $3, $4, $5, 31, 120, $6, $7, $8, $9)",
                trip_id,
                seq,
                stop.name,
                stop.kind,
                stop.geofence_id,
                stop.distance_m,
                None if stop.arrival_min is None else at(stop.arrival_min),
                None if stop.departure_min is None else at(stop.departure_min),
                stop.service_s,
            )
        return trip_id

    async def order(self, stops: Sequence[Stop], *, promised_min: float, depot_id: int | None = None) -> int:
        """An order through these stops, with one package; nothing carries it yet."""
        number = f"O{next(self.numbers)}"
        order_id = await self._insert(
            "insert into orders (public_id, depot_id, number, received_at, promised_at)"
            " values (gen_random_uuid(), $1, $2, $3, $4) returning order_id",
            depot_id or self.depot_id,
            number,
            at(-600),
            at(promised_min),
        )
        for seq, stop in enumerate(stops):
            await self.connection.execute(
                "insert into order_stop (order_id, seq, kind, name, geofence_id) values ($1, $2, $3, $4, $5)",
                order_id,
                seq,
                stop.kind,
                stop.name,
                stop.geofence_id,
            )
        await self.connection.execute(
            "insert into package (order_id, code) values ($1, $2)", order_id, f"P{order_id}"
        )
        await self.derive([order_id], at(-600))
        return order_id

    async def number_of(self, order_id: int) -> str:
        return str(await self.connection.fetchval("select number from orders where order_id = $1", order_id))

    async def bind(self, order_id: int, trip_id: int, from_seq: int = 0, to_seq: int = 1) -> None:
        """Plan the order onto a trip."""
        await self.connection.execute(
            "insert into leg (order_id, trip_id, from_seq, to_seq, bound_by, bound_at)"
            " values ($1, $2, $3, $4, 'plan', $5)",
            order_id,
            trip_id,
            from_seq,
            to_seq,
            at(-300),
        )
        await self.derive([order_id], at(-300))

    async def cross(self, vehicle_id: int, geofence_id: int, kind: CrossingKind, minute: float) -> None:
        crossing = Crossing(at(minute), at(minute), vehicle_id, geofence_id, kind, 5.0, 31.0, 120.0)
        await crossings.record(self.connection, [crossing])
        concerned = await evidence.orders_of_crossings(self.connection, WATCH, [crossing])
        await self.derive(concerned, at(minute))

    async def scan(self, order_id: int, action: str, minute: float, vehicle_id: int | None = None) -> None:
        """A scan of the order's package, received a minute after it was made."""
        await self.connection.execute(
            "insert into scan"
            " (device_id, device_time, content_hash, received_at, scan_id, code, action, vehicle)"
            " select device_id, $1, $2, $3, 's', $4, $5, (select label from vehicle where vehicle_id = $6)"
            " from device order by device_id limit 1",
            at(minute),
            next(self.numbers),
            at(minute + 1),
            f"P{order_id}",
            action,
            vehicle_id,
        )
        await self.derive([order_id], at(minute + 1))

    async def derive(self, order_ids: Sequence[int] | set[int], now: datetime) -> None:
        async with unit_of_work(self.connection) as work:
            await evidence.record_evidence(work, order_ids, now)

    async def seen(self, vehicle_id: int, minute: float) -> None:
        """A fix of the vehicle, somewhere."""
        await self.connection.execute(
            "insert into latest_position"
            " (vehicle_id, depot_id, device_id, device_time, received_at, lat, lon)"
            " select $1, $2, device_id, $3, $3, 31, 120 from device_assignment where vehicle_id = $1"
            " on conflict (vehicle_id) do update set device_time = excluded.device_time",
            vehicle_id,
            self.depot_id,
            at(minute),
        )

    async def drive(
        self, trip_id: int, vehicle_id: int, minute: float, distance_m: float, pace: float | None = None
    ) -> None:
        """A fix of the vehicle on its trip; `pace` is the recent one, s/m."""
        await self.seen(vehicle_id, minute)
        await crossings.advance_progress(
            self.connection,
            [crossings.Progress(trip_id, vehicle_id, at(minute), distance_m, 0.0, None, pace)],
        )

    async def leave_route(
        self, trip_id: int, vehicle_id: int, minute: float, left_m: float, lat: float, lon: float
    ) -> None:
        """A fix of the vehicle beside its route, which it left at `left_m` five minutes ago."""
        await self.seen(vehicle_id, minute)
        await self.connection.execute(
            "update latest_position set lat = $2, lon = $3 where vehicle_id = $1", vehicle_id, lat, lon
        )
        left = crossings.Progress(trip_id, vehicle_id, at(minute), left_m, 500.0, at(minute - 5), None)
        await crossings.advance_progress(self.connection, [left])

    async def estimate(
        self, minute: float, heard: Heard | None = None, *, everything: bool = False, is_first: bool = False
    ) -> dict[str, set[int]]:
        """Run the duty `etas` on everything, or on what was heard; what it told, by kind."""
        turn = Turn(heard or {}, everything or heard is None, is_first)
        async with unit_of_work(self.connection) as work:
            await etas.run(work, WATCH, at(minute), turn, PublishRule(), self.learned, self.measures)
        return work.heard_of

    async def look_for_late_risk(self, minute: float) -> None:
        async with unit_of_work(self.connection) as work:
            await late_risk.run(work, WATCH, at(minute), LateRiskRule(), self.measures)

    async def look_for_late(self, minute: float) -> None:
        async with unit_of_work(self.connection) as work:
            await late.run(work, WATCH, at(minute), self.measures)

    async def look_for_silence(self, minute: float) -> None:
        async with unit_of_work(self.connection) as work:
            await stale.run(work, WATCH, at(minute), self.measures)

    async def alerts(self) -> list[tuple[str, list[int], str | None]]:
        """(subject, orders, why it was cleared) of every alert, in the order they were raised."""
        rows = await self.connection.fetch(
            "select subject, order_ids, clear_reason from alert order by alert_id"
        )
        return [(row["subject"], row["order_ids"], row["clear_reason"]) for row in rows]

    async def publications(self, trip_id: int) -> list[list[Any]]:
        """The published estimates of a trip, oldest first, each with one row per stop ahead."""
        rows = await self.connection.fetch(
            "select e.*, s.name from eta e join stop s using (stop_id) where e.trip_id = $1"
            " order by e.computed_at, s.seq",
            trip_id,
        )
        times = sorted({row["computed_at"] for row in rows})
        return [[row for row in rows if row["computed_at"] == time] for time in times]

    async def milestone_estimate(self, order_id: int, stage: str) -> datetime | None:
        estimated_at: datetime | None = await self.connection.fetchval(
            "select estimated_at from milestone where order_id = $1 and stage = $2", order_id, stage
        )
        return estimated_at

    async def _insert(self, sql: str, *values: Any) -> int:
        return int(await self.connection.fetchval(sql, *values))
