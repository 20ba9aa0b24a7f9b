"""A small company for tests: what the database must hold before facts about it can arrive."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from psycopg.types.range import Range

METRES_PER_DEGREE = 111_195.0
LAT, LON = 31.0, 121.0
"""Where the company's straight road begins; it runs north."""


def north(metres: float) -> float:
    """Latitude of the point so many metres along the road."""
    return LAT + metres / METRES_PER_DEGREE


def circle(metres: float, radius_m: float) -> dict[str, Any]:
    """GeoJSON of a round fence at a place on the road."""
    return {
        "type": "Feature",
        "properties": {"radius_m": radius_m},
        "geometry": {"type": "Point", "coordinates": [LON, north(metres)]},
    }


@dataclass
class Company:
    """Rows written by hand, so that tests of ingest do not lean on the API."""

    connection: psycopg.Connection[Any]

    def depot(self) -> int:
        return self._insert("depot", "depot_id", code=f"D{uuid.uuid4().hex[:8]}", name="Suzhou")

    def vehicle(self, depot_id: int, label: str) -> int:
        return self._insert("vehicle", "vehicle_id", depot_id=depot_id, label=label)

    def device(self, depot_id: int, name: str, kind: str = "tracker", **more: Any) -> int:
        device_id = self._insert("device", "device_id", depot_id=depot_id, name=name, kind=kind, **more)
        self.tell("device", device_id)
        return device_id

    def assign(self, device_id: int, vehicle_id: int, since: datetime) -> None:
        self.connection.execute(
            "insert into device_assignment (device_id, vehicle_id, period) "
            "values (%s, %s, tstzrange(%s, null))",
            [device_id, vehicle_id, since],
        )
        self.tell("assignment", device_id)

    def fence(
        self,
        depot_id: int,
        name: str,
        geometry: dict[str, Any],
        since: datetime,
        *,
        schedule: list[dict[str, Any]] | None = None,
        approach_m: float | None = None,
    ) -> int:
        geofence_id = self._insert("geofence", "geofence_id", depot_id=depot_id, name=name, purpose="hub")
        self.connection.execute(
            "insert into geofence_version (geofence_id, version, valid, geometry, schedule, approach_m) "
            "values (%s, 1, tstzrange(%s, null), %s, %s, %s)",
            [geofence_id, since, Jsonb(geometry), Jsonb(schedule) if schedule else None, approach_m],
        )
        self.tell("geofence", geofence_id)
        return geofence_id

    def trip(
        self, depot_id: int, vehicle_id: int, since: datetime, stops: Sequence[tuple[str, int, float]]
    ) -> int:
        """A trip up the road calling at (kind, geofence id, metres along the road)."""
        end_m = stops[-1][2] + 500
        trip_id = self._insert(
            "trip",
            "trip_id",
            depot_id=depot_id,
            vehicle_id=vehicle_id,
            label="northbound",
            active=Range(since, since + timedelta(days=1)),
            route_lats=[LAT, north(end_m)],
            route_lons=[LON, LON],
        )
        for seq, (kind, geofence_id, metres) in enumerate(stops):
            self._insert(
                "stop",
                "stop_id",
                trip_id=trip_id,
                seq=seq,
                name=f"stop {seq}",
                kind=kind,
                geofence_id=geofence_id,
                lat=north(metres),
                lon=LON,
                distance_m=metres,
            )
        self.tell("trip", trip_id)
        return trip_id

    def order(
        self,
        depot_id: int,
        received_at: datetime,
        stops: Sequence[tuple[str, int]],
        codes: Sequence[str],
    ) -> int:
        """An order through (kind, geofence id) with one package a code."""
        order_id = self._insert(
            "orders",
            "order_id",
            depot_id=depot_id,
            number=f"N{uuid.uuid4().hex[:10]}",
            received_at=received_at,
            promised_at=received_at + timedelta(hours=48),
        )
        for seq, (kind, geofence_id) in enumerate(stops):
            self.connection.execute(
                "insert into order_stop (order_id, seq, kind, name, geofence_id) values (%s, %s, %s, %s, %s)",
                [order_id, seq, kind, f"place {seq}", geofence_id],
            )
        for code in codes:
            self._insert("package", "package_id", order_id=order_id, code=code, public=False)
        return order_id

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, parameters).fetchall()

    def value(self, query: str, *parameters: Any) -> Any:
        row = self.connection.execute(query, parameters).fetchone()
        return row[0] if row else None

    def canonical(self) -> dict[str, list[tuple[Any, ...]]]:
        """The canonical result, which must depend on nothing but the facts."""
        return {
            "crossings": self.rows(
                "select vehicle_id, geofence_id, kind, at, plus_minus_s from crossing "
                "where superseded_at is null order by 1, 2, 4, 3"
            ),
            "milestones": self.rows(
                "select order_id, stage, stop_seq, actual_at, plus_minus_s, done_packages from milestone "
                "order by 1, 2, 3"
            ),
            "progress": self.rows(
                "select trip_id, fix_at, distance_m, off_route_m, off_route_since, recent_pace_s_per_m "
                "from trip_progress order by 1"
            ),
            "latest": self.rows("select vehicle_id, device_time, lat, lon from latest_position order by 1"),
        }

    def _insert(self, table: str, key: str, *, public: bool = True, **values: Any) -> int:
        has_public_id = public and table not in ("stop",)
        if has_public_id:
            values["public_id"] = uuid.uuid4()
        names = ", ".join(values)
        marks = ", ".join(["%s"] * len(values))
        row = self.connection.execute(
            f"insert into {table} ({names}) values ({marks}) returning {key}",
            list(values.values()),
        ).fetchone()
        assert row is not None
        return int(row[0])

    def tell(self, kind: str, changed_id: int) -> None:
        """Announce a change, and wait until it can be read.

        Changes are read once no older transaction of the whole server is open; other tests share the server.
        """
        self.connection.execute("insert into change (kind, ids) values (%s, %s)", [kind, [changed_id]])
        readable = "select max(xid) < pg_snapshot_xmin(pg_current_snapshot()) from change"
        deadline = time.monotonic() + 60.0
        while not self.value(readable):
            assert time.monotonic() < deadline, "waited 60 s for other transactions to end"
            time.sleep(0.005)


def fix(at: datetime, metres: float, seq: int | None = None, **more: Any) -> dict[str, Any]:
    """A fix on the road, in the wire format."""
    item: dict[str, Any] = {
        "ts": int(at.timestamp() * 1000),
        "lat": north(metres),
        "lon": LON,
        "accuracy_m": 5.0,
        **more,
    }
    return item if seq is None else {**item, "seq": seq}


def drive(start: datetime, from_m: float, to_m: float, every_s: int = 10) -> list[dict[str, Any]]:
    """Fixes of a truck driving up the road at 15 m/s."""
    step_m = 15.0 * every_s
    return [
        fix(start + timedelta(seconds=every_s * step), from_m + step_m * step, seq=step)
        for step in range(int((to_m - from_m) / step_m) + 1)
    ]


def scan(at: datetime, code: str, action: str, **more: Any) -> dict[str, Any]:
    """A scan in the wire format."""
    return {
        "ts": int(at.timestamp() * 1000),
        "scan_id": f"S-{code}-{action}",
        "code": code,
        "action": action,
        "operator": "op-1",
        **more,
    }


def payload(content: Any) -> bytes:
    """A payload as JSON."""
    return json.dumps(content).encode()


def utc(text: str) -> datetime:
    """A time written without its zone, which is UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
