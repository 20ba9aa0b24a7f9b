"""A plan speaks for a package until a load scan does; both the milestones and the estimates go by that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from watch_world import WATCH, Stop, World, at

from domain.crossings import CrossingKind
from store import orders
from store.etas import orders_on
from store.pool import open_connection


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    connection = await open_connection(database_url)
    yield await World(connection).begin()
    await connection.close()


@dataclass
class Planned:
    """An order of two packages planned on one truck; another truck has a trip over the same places."""

    world: World
    order_id: int
    packages: list[int]
    vehicle_id: int
    trip_id: int
    other_vehicle_id: int
    other_trip_id: int
    origin: int
    destination: int

    async def load(self, package: int, vehicle_id: int, minute: float) -> None:
        await self.scan(package, "load", minute, vehicle_id)

    async def scan(self, package: int, action: str, minute: float, vehicle_id: int | None = None) -> None:
        await self.world.connection.execute(
            "insert into scan (device_id, device_time, content_hash, received_at, scan_id, code, action,"
            " vehicle) select min(device_id), $1, $2, $1, 's', $3, $4,"
            " (select label from vehicle where vehicle_id = $5) from device",
            at(minute),
            next(self.world.numbers),
            f"P{self.packages[package]}",
            action,
            vehicle_id,
        )
        await self.world.derive([self.order_id], at(minute))

    async def drive(self, vehicle_id: int, leaves: float, arrives: float) -> None:
        await self.world.cross(vehicle_id, self.origin, CrossingKind.EXIT, leaves)
        await self.world.cross(vehicle_id, self.destination, CrossingKind.ENTER, arrives)

    async def reached(self, stage: str) -> tuple[datetime | None, int]:
        row = await self.world.connection.fetchrow(
            "select actual_at, done_packages from milestone where order_id = $1 and stage = $2",
            self.order_id,
            stage,
        )
        return row["actual_at"], row["done_packages"]

    async def in_force(self) -> set[tuple[Any, ...]]:
        rows = await self.world.connection.fetch(
            "select package_id, trip_id from leg_in_force where order_id = $1", self.order_id
        )
        return {tuple(row) for row in rows}

    async def estimated_with(self) -> set[int]:
        """The trips whose estimates concern the order."""
        trips = (self.trip_id, self.other_trip_id)
        return {trip for trip in trips if await orders_on(self.world.connection, WATCH, [trip])}


@pytest.fixture
async def planned(world: World) -> Planned:
    origin, destination = await world.fence(), await world.fence()
    stops = [
        Stop("origin", "origin", 0, origin),
        Stop("destination", "destination", 60_000, destination),
    ]
    vehicle_id, other_vehicle_id = await world.vehicle(), await world.vehicle()
    trip_id, other_trip_id = await world.trip(vehicle_id, stops), await world.trip(other_vehicle_id, stops)
    order_id = await world.order(stops, promised_min=600)
    await world.connection.execute("delete from package")
    packages = []
    for code in (f"P{order_id}-a", f"P{order_id}-b"):
        packages.append(
            await world.connection.fetchval(
                "insert into package (order_id, code) values ($1, $2) returning package_id", order_id, code
            )
        )
        await world.connection.execute(
            "update package set code = 'P' || package_id where package_id = $1", packages[-1]
        )
    await world.bind(order_id, trip_id)
    return Planned(
        world, order_id, packages, vehicle_id, trip_id, other_vehicle_id, other_trip_id, origin, destination
    )


async def test_a_company_that_scans_picks_but_not_loads_gets_its_milestones_by_the_plan(
    planned: Planned,
) -> None:
    for package in (0, 1):
        await planned.scan(package, "pick", -30)
    await planned.drive(planned.vehicle_id, leaves=0, arrives=60)

    assert await planned.reached("dispatched") == (at(0), 2)
    assert await planned.reached("arrived") == (at(60), 2)
    assert await planned.estimated_with() == {planned.trip_id}


async def test_a_package_loaded_elsewhere_leaves_the_plan_to_the_others(planned: Planned) -> None:
    await planned.load(0, planned.other_vehicle_id, -10)
    await planned.drive(planned.vehicle_id, leaves=0, arrives=60)

    assert await planned.in_force() == {
        (planned.packages[0], planned.other_trip_id),
        (planned.packages[1], planned.trip_id),
    }
    assert await planned.reached("dispatched") == (None, 1)
    assert await planned.estimated_with() == {planned.trip_id, planned.other_trip_id}

    await planned.drive(planned.other_vehicle_id, leaves=5, arrives=70)
    assert await planned.reached("dispatched") == (at(5), 2)
    assert await planned.reached("arrived") == (at(70), 2)


async def test_once_every_package_is_loaded_the_plan_is_silent(planned: Planned) -> None:
    for package in (0, 1):
        await planned.load(package, planned.other_vehicle_id, -10)
    await planned.drive(planned.vehicle_id, leaves=0, arrives=60)

    assert await planned.in_force() == {(package, planned.other_trip_id) for package in planned.packages}
    assert await planned.reached("dispatched") == (None, 0)
    assert await planned.estimated_with() == {planned.other_trip_id}


async def test_the_plan_stays_silent_after_the_package_was_taken_off(planned: Planned) -> None:
    for package in (0, 1):
        await planned.load(package, planned.other_vehicle_id, -10)
        await planned.scan(package, "unload", -5)
    await planned.drive(planned.vehicle_id, leaves=0, arrives=60)

    assert await planned.in_force() == set()
    assert await planned.reached("dispatched") == (None, 0)


async def test_a_load_scan_that_is_voided_gives_the_word_back_to_the_plan(planned: Planned) -> None:
    for package in (0, 1):
        await planned.load(package, planned.other_vehicle_id, -10)
        await planned.scan(package, "void", -9)
    await planned.drive(planned.vehicle_id, leaves=0, arrives=60)

    assert await planned.reached("dispatched") == (at(0), 2)


@pytest.mark.parametrize(
    ("ended_min", "dispatched", "arrived"),
    [(-10, None, None), (30, at(0), None), (90, at(0), at(60))],
)
async def test_a_plan_that_was_ended_counts_for_what_happened_before(
    planned: Planned, ended_min: float, dispatched: datetime | None, arrived: datetime | None
) -> None:
    await planned.drive(planned.vehicle_id, leaves=0, arrives=60)
    await orders.end_plan(planned.world.connection, planned.order_id, planned.trip_id, at(ended_min))
    await planned.world.derive([planned.order_id], at(100))

    assert (await planned.reached("dispatched"))[0] == dispatched
    assert (await planned.reached("arrived"))[0] == arrived
    assert await planned.estimated_with() == set()


async def test_a_cancelled_trip_carries_nothing(planned: Planned) -> None:
    await planned.drive(planned.vehicle_id, leaves=0, arrives=60)
    await planned.world.connection.execute(
        "update trip set cancelled_at = $1 where trip_id = $2", at(90), planned.trip_id
    )
    await planned.world.derive([planned.order_id], at(100))

    assert await planned.reached("dispatched") == (None, 0)
    assert await planned.in_force() == set()
