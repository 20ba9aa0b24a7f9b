from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from access_world import PHONE, people_of, token_of
from api_world import NOON, ApiWorld, running_api

from domain.access import process_principal
from domain.alerts import AlertKind, Finding, Severity
from domain.device_clocks import Adjustment
from store import alerts, clocks
from store.cipher import Cipher
from store.rejected import REJECTED_CONTEXT


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[ApiWorld]:
    async with running_api(database_url) as world:
        yield world


async def trip_of(world: ApiWorld, vehicle: str, begins_h: float = -1) -> Any:
    stop = {"name": "上海", "kind": "origin", "lat": 31.0, "lon": 121.0}
    return await world.post(
        "/v1/trips",
        {
            "vehicle_id": vehicle,
            "label": "上海—苏州",
            "active_from": (NOON + timedelta(hours=begins_h)).isoformat(),
            "active_to": (NOON + timedelta(hours=begins_h + 5)).isoformat(),
            "stops": [stop, {**stop, "kind": "destination", "name": "苏州", "lat": 31.3}],
        },
    )


async def test_estimates_are_kept_with_what_came_of_them(world: ApiWorld) -> None:
    depot = await world.depot()
    trip = await trip_of(world, await world.vehicle(depot))
    order = await world.order(depot, legs=[{"trip_id": trip["id"]}])
    async with world.work() as work:
        for minutes in (0, 10):
            await work.connection.execute(
                "insert into eta (trip_id, stop_id, computed_at, p10_at, p50_at, p90_at) "
                "select trip_id, stop_id, $1, $2, $3, $4 from stop join trip using (trip_id) "
                "where trip.public_id = $5 and kind = 'destination'",
                NOON + timedelta(minutes=minutes),
                NOON + timedelta(minutes=50),
                NOON + timedelta(minutes=60 + minutes),
                NOON + timedelta(minutes=80),
                trip["id"],
            )
    history = await world.get(f"/v1/orders/{order['id']}/etas")
    assert history["promised_at"] == order["promised_at"]
    assert [(one["stop_seq"], one["p50_at"], one["arrived_at"]) for one in history["items"]] == [
        (1, "2026-11-21T13:00:00Z", None),
        (1, "2026-11-21T13:10:00Z", None),
    ]
    world.clock.advance(hours=1)
    await world.happens(order["id"], "arrived")
    arrived = await world.get(f"/v1/orders/{order['id']}/etas", limit=1)
    assert (arrived["items"][0]["arrived_at"], arrived["truncated"]) == ("2026-11-21T13:00:00Z", True)


async def test_a_timeline_has_all_that_was_said_told_and_done(world: ApiWorld) -> None:
    people = await people_of(world)
    contact = {"name": "张伟", "phone": PHONE, "address": "人民路 1 号"}
    order = await world.order(people.depot, contact=contact)
    path = f"/v1/orders/{order['id']}"
    world.clock.advance(minutes=1)
    handed: dict[str, Any] = {"signed_by": "李娜", "proof": "photos/1.jpg", "note": "门卫"}
    await world.happens(order["id"], "delivered", **handed)
    await world.client.patch(f"{path}", json={"customer_level": "top"})
    async with world.work() as work:
        row = await work.connection.fetchrow("select order_id, depot_id from orders")
        finding = Finding(
            AlertKind.LATE, "s", row["depot_id"], None, (row["order_id"],), Severity.WARNING, NOON
        )
        await alerts.raise_all(work.connection, [finding], NOON)

    async def seen_by(role: str) -> list[dict[str, Any]]:
        headers = {"Authorization": f"Bearer {await token_of(world, people, role)}"}
        answer = await world.client.get(f"{path}/timeline", headers=headers)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    entries = await seen_by("dispatcher")
    assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)
    assert {entry["type"] for entry in entries} >= {"milestone", "evidence", "notice", "alert"}
    (delivered,) = [entry for entry in entries if entry.get("kind") == "delivered"]
    assert {name: delivered[name] for name in handed} == handed
    assert delivered["actor"] == "admin"
    warehouse = await seen_by("warehouse")
    assert "audit" not in {entry["type"] for entry in warehouse}
    (delivered,) = [entry for entry in warehouse if entry.get("kind") == "delivered"]
    assert (delivered["signed_by"], delivered["proof"], delivered["note"]) == (None, None, None)


async def test_a_vehicle_shows_its_trip_driver_and_devices(world: ApiWorld) -> None:
    people = await people_of(world)
    vehicle = await world.vehicle(people.depot)
    device = await world.post("/v1/devices", {"depot_id": people.depot, "name": "trk-1"})
    await world.post(f"/v1/devices/{device['id']}/assignments", {"vehicle_id": vehicle})
    idle = await world.get(f"/v1/vehicles/{vehicle}/detail")
    assert (idle["trip"], idle["driver"], idle["status"]) == (None, None, None)
    assert [(one["name"], one["silent"]) for one in idle["devices"]] == [("trk-1", True)]

    later = await trip_of(world, vehicle, begins_h=10)
    assert (await world.get(f"/v1/vehicles/{vehicle}/detail"))["trip"]["id"] == later["id"]
    now = await trip_of(world, vehicle)
    await world.client.put(f"/v1/trips/{now['id']}/driver", json={"driver_id": people.id("driver")})
    await world.moves(device["id"], vehicle, 31.1, 121.0)
    busy = await world.get(f"/v1/vehicles/{vehicle}/detail")
    assert (busy["trip"]["id"], busy["driver"]["login"], busy["status"]) == (now["id"], "driver-1", "moving")
    assert [stop["name"] for stop in busy["trip"]["stops"]] == ["上海", "苏州"]
    assert [(one["name"], one["silent"]) for one in busy["devices"]] == [("trk-1", False)]


async def test_a_long_track_is_thinned_out_evenly(world: ApiWorld) -> None:
    depot = await world.depot()
    vehicle = await world.vehicle(depot)
    device = await world.post("/v1/devices", {"depot_id": depot, "name": "trk-1"})
    since = (NOON - timedelta(days=1)).isoformat()
    await world.post(f"/v1/devices/{device['id']}/assignments", {"vehicle_id": vehicle, "from": since})
    for second in range(0, 60, 2):
        await world.moves(device["id"], vehicle, 31 + second / 1000, 121.0, NOON + timedelta(seconds=second))
    asked: dict[str, Any] = {"from": NOON.isoformat(), "to": (NOON + timedelta(minutes=1)).isoformat()}
    track = await world.get(f"/v1/vehicles/{vehicle}/track", **asked, max_points=6)
    assert [point["at"][17:19] for point in track["items"]] == ["00", "10", "20", "30", "40", "50"]
    assert (track["items"][0]["speed_mps"], track["items"][0]["heading_deg"]) == (20.0, 90.0)
    assert track["next"] is None


async def test_devices_are_listed_by_what_is_wrong_and_put_right(world: ApiWorld) -> None:
    depot = await world.depot()
    ids = [
        (await world.post("/v1/devices", {"depot_id": depot, "name": name}))["id"] for name in ("t-1", "t-2")
    ]
    async with world.work() as work:
        run = work.connection.execute
        await run(
            "insert into device_last_fix (device_id, device_time, received_at) "
            "select device_id, $1, $1 from device where name = 't-1'",
            NOON,
        )
        await run(
            "insert into numbering (device_id, kind, lowest, highest, missing) "
            "select device_id, 'gps', 1, 9, '{[3,5)}' from device where name = 't-1'"
        )
        await run(
            "insert into rejected (source, topic, item, reason, detail, payload_cipher, payload_bytes, "
            "payload_sha256, received_at, last_received_at) "
            "values ('mqtt', 'zaitu/v1/t-1/gps', -1, 'bad_json', 'd', $1, 1, '\\x00', $2, $2)",
            Cipher(bytes(32)).encrypt(b"{", REJECTED_CONTEXT),
            NOON,
        )
    listed = (await world.get("/v1/devices/health"))["items"]
    assert [(one["name"], one["silent"], one["gaps"], one["rejected"]) for one in listed] == [
        ("t-1", False, 2, 1),
        ("t-2", True, 0, 0),
    ]
    assert [one["name"] for one in (await world.get("/v1/devices/health", trouble="silent"))["items"]] == [
        "t-2"
    ]
    assert [one["name"] for one in (await world.get("/v1/devices/health", limit=1))["items"]] == ["t-1"]
    after = await world.get("/v1/devices/health", limit=1, after="t-1")
    assert [one["name"] for one in after["items"]] == ["t-2"]

    clock = f"/v1/devices/{ids[0]}/clock"
    assert "offset_ms" in (await world.post(clock, {"apply": True}, expect=409))["detail"]
    await world.post(clock, {"apply": True, "clear": True}, expect=422)
    corrected = await world.post(clock, {"offset_ms": -28_800_000}, expect=200)
    assert (corrected["clock"]["state"], corrected["clock"]["correction"]["offset_ms"]) == (
        "corrected",
        -28_800_000,
    )
    assert (await world.post(clock, {"clear": True}, expect=200))["clock"]["state"] == "right"
    async with world.work() as work:
        device_id = await work.connection.fetchval("select device_id from device where name = 't-1'")
        made = await clocks.corrections(work.connection, process_principal("tests"))
        assert [one.device_id for one in made] == [device_id]
        assert made[0].adjustment == Adjustment(timedelta(hours=-8), NOON)

    (rejected,) = (await world.get("/v1/rejected"))["items"]
    assert (await world.get(f"/v1/rejected/{rejected['id']}"))["text"] == "{"
    await world.get("/v1/rejected/999", expect=404)
    assert (await world.post("/v1/rejected/retry", {"ids": [rejected["id"]]}, expect=200)) == {"asked": 1}
    assert (await world.post("/v1/rejected/retry", {"reason": "bad_json"}, expect=200)) == {"asked": 1}
    await world.post("/v1/rejected/retry", {}, expect=422)


async def test_the_link_is_sent_to_the_customer_again_and_to_nobody_else(world: ApiWorld) -> None:
    depot = await world.depot()
    webhook = {"depot_id": depot, "kind": "webhook", "url": "https://example.org/x"}
    await world.post("/v1/endpoints", webhook)
    order = await world.order(depot, contact={"name": "张伟", "phone": PHONE})
    path = f"/v1/orders/{order['id']}/share-links"
    assert (await world.post(path))["notices"] == 0
    assert (await world.post(path, {"send": True}))["notices"] == 1
    world.clock.advance(minutes=1)
    assert (await world.post(path, {"send": True}))["notices"] == 1
    told = (await world.get("/v1/notices", order_id=order["id"]))["items"]
    links = [(one["recipient"], one["channel"]) for one in told if one["event"] == "link"]
    assert links == [("customer", "sms")] * 2
