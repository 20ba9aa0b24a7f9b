"""The company the benchmark runs for: 5,000 vehicles and fences, 500 trips with an order each."""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg
from psycopg.types.json import Jsonb
from psycopg.types.range import Range

METRES_PER_DEGREE = 111_195.0
SOUTH, WEST = 30.5, 119.5
SIDE_DEGREES = 2.0
SPEED_MPS = 15.0
EVERY_S = 10


@dataclass(frozen=True)
class Size:
    """How large the world is."""

    vehicles: int = 5_000
    fences: int = 5_000
    trips: int = 500


@dataclass(frozen=True)
class Course:
    """A vehicle's way: a straight line from a point, at SPEED_MPS."""

    lat: float
    lon: float
    heading_rad: float

    def at(self, metres: float) -> tuple[float, float]:
        """Latitude and longitude so many metres along the way."""
        lat = self.lat + metres * math.cos(self.heading_rad) / METRES_PER_DEGREE
        east_m = metres * math.sin(self.heading_rad)
        return lat, self.lon + east_m / (METRES_PER_DEGREE * math.cos(math.radians(self.lat)))


def courses(size: Size) -> list[Course]:
    """The ways of all vehicles; the same at every call."""
    chance = random.Random(7)
    return [
        Course(
            SOUTH + SIDE_DEGREES * chance.random(),
            WEST + SIDE_DEGREES * chance.random(),
            2 * math.pi * chance.random(),
        )
        for _ in range(size.vehicles)
    ]


def device_name(number: int) -> str:
    """The name of a vehicle's tracker."""
    return f"bench-{number}"


def fixes(size: Size, rounds: range, start_s: float) -> Iterator[tuple[str, bytes]]:
    """Device name and payload of every vehicle's fix in these rounds: one a message, interleaved."""
    encode = msgspec.json.Encoder().encode
    ways = courses(size)
    for turn in rounds:
        for number, course in enumerate(ways):
            yield device_name(number), encode(_item(course, turn, start_s))


def arrays(size: Size, rounds: range, start_s: float, length: int) -> Iterator[tuple[str, bytes]]:
    """The same fixes as arrays of `length`, each of one vehicle."""
    encode = msgspec.json.Encoder().encode
    ways = courses(size)
    for first in range(rounds.start, rounds.stop, length):
        for number, course in enumerate(ways):
            turns = range(first, min(first + length, rounds.stop))
            yield device_name(number), encode([_item(course, turn, start_s) for turn in turns])


def _item(course: Course, turn: int, start_s: float) -> dict[str, float | int]:
    lat, lon = course.at(SPEED_MPS * EVERY_S * turn)
    return {
        "ts": round((start_s + EVERY_S * turn) * 1000),
        "seq": turn,
        "lat": round(lat, 6),
        "lon": round(lon, 6),
        "speed_mps": SPEED_MPS,
        "heading_deg": round(math.degrees(course.heading_rad) % 360, 1),
        "accuracy_m": 6.0,
    }


def found(database_url: str, size: Size) -> None:
    """Write the company into a migrated, empty database."""
    now = datetime.now(UTC)
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "insert into depot (public_id, code, name) values (%s, 'BENCH', 'Bench') returning depot_id",
            [uuid.uuid4()],
        )
        depot = cursor.fetchone()
        assert depot is not None
        cursor.executemany(
            "insert into vehicle (public_id, depot_id, label) values (%s, %s, %s)",
            [(uuid.uuid4(), depot[0], device_name(number)) for number in range(size.vehicles)],
        )
        cursor.executemany(
            "insert into device (public_id, depot_id, name, kind) values (%s, %s, %s, 'tracker')",
            [(uuid.uuid4(), depot[0], device_name(number)) for number in range(size.vehicles)],
        )
        cursor.execute(
            "insert into device_assignment (device_id, vehicle_id, period) "
            "select device_id, vehicle_id, tstzrange(%s, null) "
            "from device join vehicle on vehicle.label = device.name",
            [now - timedelta(days=30)],
        )
        _found_fences(cursor, depot[0], size, now)
        _found_trips(cursor, depot[0], size, now)


def _found_fences(cursor: psycopg.Cursor, depot: int, size: Size, now: datetime) -> None:
    """Star-shaped fences of 64 vertices: those of the trips on their vehicles' ways, the rest anywhere."""
    chance = random.Random(11)
    ways = courses(size)
    for number in range(size.fences):
        if number < 2 * size.trips:
            lat, lon = ways[number // 2].at(0.0 if number % 2 == 0 else 6_000.0)
        else:
            lat, lon = SOUTH + SIDE_DEGREES * chance.random(), WEST + SIDE_DEGREES * chance.random()
        cursor.execute(
            "with drawn as (insert into geofence (public_id, depot_id, name, purpose) "
            "values (%s, %s, %s, 'hub') returning geofence_id) "
            "insert into geofence_version (geofence_id, version, valid, geometry) "
            "select geofence_id, 1, tstzrange(%s, null), %s from drawn",
            [
                uuid.uuid4(),
                depot,
                f"fence {number}",
                now - timedelta(days=30),
                Jsonb(_star(lat, lon, chance)),
            ],
        )


def _star(lat: float, lon: float, chance: random.Random) -> dict[str, object]:
    ring = []
    for corner in range(64):
        radius_m, angle = 600.0 * (0.6 + 0.4 * chance.random()), 2 * math.pi * corner / 64
        ring.append(list(reversed(Course(lat, lon, angle).at(radius_m))))
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def _found_trips(cursor: psycopg.Cursor, depot: int, size: Size, now: datetime) -> None:
    """Each trip's vehicle drives from one of its fences to another, with an order on board."""
    cursor.execute("select geofence_id from geofence order by geofence_id limit %s", [2 * size.trips])
    fence_ids = [row[0] for row in cursor.fetchall()]
    # A queue's fixes are days old: orders and trips are older.
    began = now - timedelta(days=7)
    active = Range(began, now + timedelta(days=2))
    for number, course in enumerate(courses(size)[: size.trips]):
        route = [course.at(200.0 * step) for step in range(500)]
        cursor.execute(
            "insert into trip (public_id, depot_id, vehicle_id, label, active, route_lats, route_lons) "
            "select %s, %s, vehicle_id, %s, %s, %s, %s from vehicle where label = %s returning trip_id",
            [
                uuid.uuid4(), depot, f"trip {number}", active, [lat for lat, _ in route],
                [lon for _, lon in route], device_name(number),
            ],
        )  # fmt: skip
        trip = cursor.fetchone()
        cursor.execute(
            "insert into orders (public_id, depot_id, number, received_at, promised_at) "
            "values (%s, %s, %s, %s, %s) returning order_id",
            [uuid.uuid4(), depot, f"B{number}", began, now + timedelta(days=1)],
        )
        order = cursor.fetchone()
        assert trip is not None
        assert order is not None
        stops = zip(
            ("origin", "destination"), fence_ids[2 * number : 2 * number + 2], (0.0, 6_000.0), strict=True
        )
        for seq, (kind, fence_id, metres) in enumerate(stops):
            lat, lon = course.at(metres)
            cursor.execute(
                "insert into stop (trip_id, seq, name, kind, geofence_id, lat, lon, distance_m) "
                "values (%s, %s, %s, %s, %s, %s, %s, %s)",
                [trip[0], seq, kind, kind, fence_id, lat, lon, metres],
            )
            cursor.execute(
                "insert into order_stop (order_id, seq, kind, name, geofence_id) values (%s, %s, %s, %s, %s)",
                [order[0], seq, kind, kind, fence_id],
            )
        cursor.execute(
            "insert into leg (order_id, trip_id, from_seq, to_seq, bound_by, bound_at) "
            "values (%s, %s, 0, 1, 'plan', %s)",
            [order[0], trip[0], began],
        )
