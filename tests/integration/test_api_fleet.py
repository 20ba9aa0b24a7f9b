from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from api_world import NOON, ApiWorld, running_api


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[ApiWorld]:
    async with running_api(database_url) as world:
        yield world


async def test_a_vehicle_shows_where_it_was_last_seen(world: ApiWorld) -> None:
    depot = await world.depot()
    vehicle = await world.vehicle(depot)
    device = await world.post("/v1/devices", {"depot_id": depot, "name": "tracker-1"})
    assert (await world.get(f"/v1/vehicles/{vehicle}"))["latest"] is None

    await world.moves(device["id"], vehicle, 31.2, 121.4)
    world.clock.advance(seconds=30)

    latest = (await world.get(f"/v1/vehicles/{vehicle}"))["latest"]
    assert (latest["lat"], latest["lon"], latest["age_s"]) == (31.2, 121.4, 30.0)


async def test_vehicles_are_found_in_a_box_and_near_a_point(world: ApiWorld) -> None:
    depot = await world.depot()
    device = await world.post("/v1/devices", {"depot_id": depot, "name": "tracker-1"})
    near, far, unseen = [await world.vehicle(depot, label) for label in ("near", "far", "unseen")]
    await world.moves(device["id"], near, 31.20, 121.40)
    await world.moves(device["id"], far, 31.30, 121.60)

    boxed = await world.get("/v1/vehicles", bbox="121.3,31.1,121.5,31.25")
    around = await world.get("/v1/vehicles", near="121.6,31.3", radius_m=30_000)
    everyone = await world.get("/v1/vehicles")

    assert [vehicle["id"] for vehicle in boxed["items"]] == [near]
    assert [vehicle["id"] for vehicle in around["items"]] == [far, near]
    assert around["items"][0]["distance_m"] == 0
    assert around["items"][1]["distance_m"] == pytest.approx(22_030, abs=50)
    assert {vehicle["id"] for vehicle in everyone["items"]} == {near, far, unseen}


async def test_a_wrong_area_is_refused_by_name(world: ApiWorld) -> None:
    for name, value in (
        ("bbox", "1,2,3"),
        ("bbox", "121,31,122,95"),
        ("near", "31.2;121"),
        ("near", "200,31"),
    ):
        problem = await world.get("/v1/vehicles", expect=422, **{name: value})
        assert problem["errors"][0]["parameter"] == name, value


async def test_a_track_comes_page_by_page_and_only_while_the_device_was_assigned(world: ApiWorld) -> None:
    depot = await world.depot()
    vehicle, other = await world.vehicle(depot), await world.vehicle(depot, "other")
    device = (await world.post("/v1/devices", {"depot_id": depot, "name": "tracker-1"}))["id"]
    path = f"/v1/devices/{device}/assignments"
    await world.post(path, {"vehicle_id": vehicle, "from": (NOON - timedelta(hours=2)).isoformat()})
    await world.post(path, {"vehicle_id": other, "from": (NOON - timedelta(minutes=10)).isoformat()})
    for minute in (30, 20, 5):
        await world.moves(device, vehicle, 31 + minute / 100, 121.4, NOON - timedelta(minutes=minute))

    first = await world.get(f"/v1/vehicles/{vehicle}/track", limit=1)
    second = await world.get(f"/v1/vehicles/{vehicle}/track", limit=10, after=first["next"])
    assert [point["lat"] for point in first["items"]] == [31.3]
    assert [point["lat"] for point in second["items"]] == [31.2]
    assert second["next"] is None
    assert [p["lat"] for p in (await world.get(f"/v1/vehicles/{other}/track"))["items"]] == [31.05]


async def test_where_a_vehicle_stood_and_its_drives_between(world: ApiWorld) -> None:
    depot = await world.depot()
    vehicle = await world.vehicle(depot)
    device = (await world.post("/v1/devices", {"depot_id": depot, "name": "tracker-1"}))["id"]
    began = NOON - timedelta(hours=2)
    await world.post(f"/v1/devices/{device}/assignments", {"vehicle_id": vehicle, "from": began.isoformat()})
    for minute, lat in enumerate([31.0, 31.0, 31.0, 31.0, 31.0, 31.01, 31.02, 31.02, 31.02, 31.02, 31.02]):
        await world.moves(device, vehicle, lat, 121.4, began + timedelta(minutes=minute))

    path = f"/v1/vehicles/{vehicle}/stays"
    found = await world.get(path)
    stays = [(stay["from"], stay["to"], stay["lat"]) for stay in found["stays"]]
    assert stays == [
        ("2026-11-21T10:00:00Z", "2026-11-21T10:04:00Z", 31.0),
        ("2026-11-21T10:06:00Z", "2026-11-21T10:10:00Z", 31.02),
    ]
    assert found["drives"] == [
        {"from": "2026-11-21T10:04:00Z", "to": "2026-11-21T10:06:00Z", "distance_m": 2223.9}
    ]
    assert await world.get(path, least_s=3600) == {
        "stays": [],
        "drives": [{"from": "2026-11-21T10:00:00Z", "to": "2026-11-21T10:10:00Z", "distance_m": 2223.9}],
    }
    assert await world.get(path, to=began.isoformat()) == {"stays": [], "drives": []}
    too_long = await world.get(path, expect=422, **{"from": (NOON - timedelta(days=8)).isoformat()})
    assert too_long["errors"][0]["parameter"] == "from"


async def test_a_device_token_is_shown_once_and_its_assignments_never_overlap(world: ApiWorld) -> None:
    depot = await world.depot()
    vehicle = await world.vehicle(depot)
    device = await world.post("/v1/devices", {"depot_id": depot, "name": "tracker-1"})
    path = f"/v1/devices/{device['id']}/assignments"
    assert device["token"]
    assert "token" not in await world.get(f"/v1/devices/{device['id']}")

    await world.post(path, {"vehicle_id": vehicle})
    world.clock.advance(hours=1)
    await world.post(path, {"operator": "W0042"})
    past = {"vehicle_id": vehicle, "from": NOON.isoformat(), "to": (NOON + timedelta(hours=3)).isoformat()}
    problem = await world.post(path, past, expect=409)
    assert "overlap" in problem["detail"]

    history = (await world.get(path))["items"]
    assert [(item["vehicle_id"], item["operator"]) for item in history] == [(vehicle, None), (None, "W0042")]
    assert history[0]["to"] == history[1]["from"]
    assert (await world.get(f"/v1/devices/{device['id']}"))["assignment"]["operator"] == "W0042"


async def test_lists_come_page_by_page_in_the_order_things_were_added(world: ApiWorld) -> None:
    depot = await world.depot()
    added = [await world.vehicle(depot, f"truck {number}") for number in range(5)]
    seen: list[str] = []
    after: dict[str, Any] = {}
    while True:
        page = await world.get("/v1/vehicles", limit=2, **after)
        seen += [vehicle["id"] for vehicle in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen == added


async def test_a_geofence_keeps_its_versions_apart_and_says_what_was_repaired(world: ApiWorld) -> None:
    depot = await world.depot()
    bowtie = {"type": "Polygon", "coordinates": [[[121, 31], [121.1, 31.1], [121.1, 31], [121, 31.1]]]}
    made = await world.post("/v1/geofences", {"depot_id": depot, "name": "hub", "geometry": bowtie})
    assert made["version"] == 1
    assert any("closed a ring" in repair for repair in made["repairs"])

    world.clock.advance(minutes=5)
    circle = {"type": "Point", "coordinates": [121.0, 31.0], "radius_m": 150}
    path = f"/v1/geofences/{made['id']}"
    response = await world.client.put(path, json={"geometry": circle, "purpose": "hub"})
    assert response.status_code == 200, response.text
    second = response.json()
    assert (second["version"], second["purpose"], second["geometry"]) == (2, "hub", circle)
    early = {"geometry": circle, "valid_from": NOON.isoformat()}
    assert (await world.client.put(path, json=early)).status_code == 409

    world.clock.advance(minutes=5)
    ended = (await world.client.delete(path)).json()
    assert ended["valid_to"] == "2026-11-21T12:10:00Z"
    assert (await world.client.delete(path)).status_code == 409


async def test_a_corridor_comes_back_as_the_line_it_was_given_as(world: ApiWorld) -> None:
    depot = await world.depot()
    line = {"type": "LineString", "coordinates": [[121.0, 31.0], [121.0, 31.0], [121.5, 31.2]]}
    feature = {"type": "Feature", "geometry": line, "properties": {"half_width_m": 120}}
    made = await world.post("/v1/geofences", {"depot_id": depot, "name": "G2", "geometry": feature})
    assert made["geometry"] == {
        "type": "LineString",
        "coordinates": [[121.0, 31.0], [121.5, 31.2]],
        "half_width_m": 120,
    }
    assert made["repairs"] == ["removed 1 repeated point"]
    assert (await world.get(f"/v1/geofences/{made['id']}"))["geometry"] == made["geometry"]


async def test_a_geofence_has_hours_an_end_and_a_zone_of_approach_which_a_new_version_keeps(
    world: ApiWorld,
) -> None:
    depot = await world.depot()
    circle = {"type": "Point", "coordinates": [121.0, 31.0], "radius_m": 150}
    hours = [{"days": ["mon", "fri"], "from": "22:00", "to": "06:00"}]
    later = (NOON + timedelta(days=30)).isoformat()
    body = {"depot_id": depot, "name": "yard", "geometry": circle, "valid_to": later}
    made = await world.post("/v1/geofences", {**body, "schedule": hours, "approach_m": 800})
    assert (made["schedule"], made["approach_m"], made["valid_to"]) == (hours, 800, "2026-12-21T12:00:00Z")

    path = f"/v1/geofences/{made['id']}"
    world.clock.advance(minutes=5)
    kept = (await world.client.put(path, json={"geometry": circle})).json()
    assert (kept["version"], kept["schedule"], kept["approach_m"], kept["valid_to"]) == (2, hours, 800, None)
    world.clock.advance(minutes=5)
    taken = {"geometry": circle, "schedule": None, "approach_m": None}
    gone = (await world.client.put(path, json=taken)).json()
    assert (gone["schedule"], gone["approach_m"]) == (None, None)


async def test_hours_and_approaches_that_cannot_be_used_are_pointed_at(world: ApiWorld) -> None:
    depot = await world.depot()
    circle = {"type": "Point", "coordinates": [179.99, 31.0], "radius_m": 150}
    hours = {"days": ["mon"], "from": "08:00", "to": "18:00"}
    for pointer, wrong in (
        ("/schedule", {"schedule": [{**hours, "to": "08:00"}]}),
        ("/schedule", {"schedule": [{**hours, "from": "24:00"}]}),
        ("/schedule", {"schedule": []}),
        ("/schedule/0/from", {"schedule": [{**hours, "from": "8:00"}]}),
        ("/schedule/0/days/0", {"schedule": [{**hours, "days": ["someday"]}]}),
        ("/approach_m", {"approach_m": 0}),
        ("/approach_m", {"approach_m": 20_000}),
        ("/valid_to", {"valid_to": NOON.isoformat()}),
    ):
        body = {"depot_id": depot, "name": "yard", "geometry": circle, **wrong}
        problem = await world.post("/v1/geofences", body, expect=422)
        assert problem["errors"][0]["pointer"] == pointer, wrong


async def test_a_geometry_that_cannot_be_used_is_pointed_at(world: ApiWorld) -> None:
    depot = await world.depot()
    for geometry in (
        {"type": "Point", "coordinates": [121, 31]},
        {"type": "Polygon", "coordinates": [[[121, 31], [122, 31], [121, 31]]]},
        {"type": "Point", "coordinates": [31, 121], "radius_m": 100},
        {"type": "Point", "coordinates": [121, 31], "radius_m": 10**400},
        {"type": "Polygon", "coordinates": "everywhere"},
        {"type": "LineString", "coordinates": [[121, 31], [122, 31]]},
        {"type": "LineString", "coordinates": [[121, 31], [122, 31]], "half_width_m": -1},
        {},
    ):
        body = {"depot_id": depot, "name": "hub", "geometry": geometry}
        problem = await world.post("/v1/geofences", body, expect=422)
        assert problem["errors"][0]["pointer"] == "/geometry", geometry


async def test_a_trip_without_a_route_goes_straight_from_stop_to_stop(world: ApiWorld) -> None:
    depot = await world.depot()
    vehicle = await world.vehicle(depot)
    hub = await world.fence(depot, "昆山", 120.98, 31.38, purpose="hub")
    body = {
        "vehicle_id": vehicle,
        "label": "上海—苏州",
        "active_from": NOON.isoformat(),
        "active_to": (NOON + timedelta(hours=4)).isoformat(),
        "stops": [
            {"name": "上海", "kind": "origin", "lat": 31.23, "lon": 121.47},
            {"name": "昆山", "kind": "hub", "geofence_id": hub, "service_s": 600},
            {"name": "苏州", "kind": "destination", "lat": 31.3, "lon": 120.62},
        ],
    }
    trip = await world.post("/v1/trips", body)

    distances = [stop["distance_m"] for stop in trip["stops"]]
    assert distances[0] == 0
    assert distances[1] == pytest.approx(49_470, rel=0.01)
    assert distances[2] == pytest.approx(trip["length_m"])
    assert trip["route"]["coordinates"][1] == [120.98, 31.38]
    assert (await world.post("/v1/trips", body, expect=409))["detail"].startswith(
        "The vehicle has another trip"
    )

    await world.post(f"/v1/trips/{trip['id']}/cancel", expect=200)
    again = await world.post("/v1/trips", body)
    active = await world.get("/v1/trips", active_at=NOON.isoformat())
    assert [item["id"] for item in active["items"]] == [again["id"]]
