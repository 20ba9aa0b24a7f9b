"""What a run needs is registered through the real API, before and while it goes on."""

import asyncio
from contextlib import closing

import pytest
from api_world import ADMIN_TOKEN, NOON, ApiWorld, running_api

from simulators.enrolment import Enrolment
from simulators.errors import AlreadyRegisteredError, SimulatorError
from simulators.replay import register
from simulators.scenario import build_scenario
from simulators.server import Server
from simulators.sites import all_sites
from simulators.traces import Row, Trace

BEGAN_AT_S = NOON.timestamp()


def server_of(world: ApiWorld, token: str = ADMIN_TOKEN) -> Server:
    return Server(str(world.client.base_url), token)


async def test_a_fleet_with_its_trips_and_orders_is_registered(database_url: str) -> None:
    scenario = build_scenario(seed=2, vehicles=3, run="t")
    first = [scenario.first_trip(vehicle) for vehicle in scenario.vehicles]
    trips = [*first, scenario.next_trip(first[0])]

    def enrol(server: Server) -> None:
        enrolment = Enrolment(server, scenario, BEGAN_AT_S, interval_s=2.0)
        enrolment.register_fleet()
        for trip in trips:
            enrolment.register_trip(trip)

    async with running_api(database_url) as world:
        with closing(server_of(world)) as server:
            await asyncio.to_thread(enrol, server)
        vehicles = (await world.get("/v1/vehicles"))["items"]
        devices = (await world.get("/v1/devices"))["items"]
        fences = (await world.get("/v1/geofences"))["items"]
        orders = (await world.get("/v1/orders"))["items"]
        order = await world.get(f"/v1/orders/{orders[0]['id']}")

    assert [vehicle["label"] for vehicle in vehicles] == [vehicle.label for vehicle in scenario.vehicles]
    trackers = {device["name"]: device["assignment"] for device in devices if device["kind"] == "tracker"}
    assert trackers.keys() == {vehicle.tracker for vehicle in scenario.vehicles}
    assert all(assignment["vehicle_id"] for assignment in trackers.values())
    assert len(devices) == len(all_sites()) + 2 * len(vehicles)
    assert [fence["repairs"] for fence in fences] == [[]] * len(all_sites())
    assert {order["number"] for order in orders} == {order.number for trip in trips for order in trip.orders}
    assert [stop["kind"] for stop in order["stops"]] == ["origin", "hub", "destination"]
    assert len(order["legs"]) == 1


async def test_devices_that_are_known_stay_as_they_are_in_the_next_replay(database_url: str) -> None:
    old, new = (Trace(name, "a.csv", [Row(1.0, 31.2, 121.4)]) for name in ("bus-1", "bus-2"))
    async with running_api(database_url) as world:
        with closing(server_of(world)) as server:
            await asyncio.to_thread(register, server, [old], "R-1", BEGAN_AT_S)
            await asyncio.to_thread(register, server, [old, new], "R-2", BEGAN_AT_S)
        devices = (await world.get("/v1/devices"))["items"]
        vehicles = (await world.get("/v1/vehicles"))["items"]

    assert [device["name"] for device in devices] == ["bus-1", "bus-2"]
    assert [vehicle["label"] for vehicle in vehicles] == ["bus-1", "bus-2"]
    assert [device["assignment"]["vehicle_id"] for device in devices] == [
        vehicle["id"] for vehicle in vehicles
    ]


async def test_what_the_api_refuses_is_said_in_its_own_words(database_url: str) -> None:
    async with running_api(database_url) as world:
        with closing(server_of(world, "wrong")) as stranger, closing(server_of(world)) as server:
            with pytest.raises(SimulatorError, match="refused POST /v1/depots with 401"):
                await asyncio.to_thread(stranger.add_depot, "SH", "上海仓")
            await asyncio.to_thread(server.add_depot, "SH", "上海仓")
            with pytest.raises(AlreadyRegisteredError):
                await asyncio.to_thread(server.add_depot, "SH", "上海仓")


def test_an_api_that_is_not_there_is_one_clear_sentence() -> None:
    with (
        closing(Server("http://127.0.0.1:9", "token")) as server,
        pytest.raises(SimulatorError, match="is `zaitu api` running"),
    ):
        server.add_depot("SH", "上海仓")
