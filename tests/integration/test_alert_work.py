from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from access_world import People, people_of, token_of
from api_world import ApiWorld, running_api

from domain.alerts import AlertKind, Finding, Severity
from store import alerts


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[ApiWorld]:
    async with running_api(database_url) as world:
        yield world


async def raised(world: ApiWorld, *subjects: tuple[str, Severity, int]) -> list[Any]:
    """Alerts as watch raises them: subject, severity and how many orders; as the API lists them."""
    await world.depot()
    async with world.work() as work:
        depot_id = await work.connection.fetchval("select depot_id from depot")
        findings = [
            Finding(AlertKind.LATE, subject, depot_id, None, tuple(range(orders)), severity, world.clock())
            for subject, severity, orders in subjects
        ]
        await alerts.raise_all(work.connection, findings, world.clock())
    return list((await world.get("/v1/alerts"))["items"])


async def test_the_worst_come_first_then_those_of_most_orders(world: ApiWorld) -> None:
    made = [("a", Severity.WARNING, 9), ("b", Severity.CRITICAL, 1), ("c", Severity.CRITICAL, 5)]
    await raised(world, *made)
    async with world.work() as work:
        rows = await work.connection.fetch("select public_id, subject from alert")
    subject_of = {str(row["public_id"]): row["subject"] for row in rows}
    listed = (await world.get("/v1/alerts"))["items"]
    assert [subject_of[alert["id"]] for alert in listed] == ["c", "b", "a"]


async def test_a_snoozed_alert_comes_back(world: ApiWorld) -> None:
    (alert,) = await raised(world, ("a", Severity.WARNING, 1))
    until = (world.clock() + timedelta(minutes=30)).isoformat()
    await world.post(f"/v1/alerts/{alert['id']}/snooze", {"until": until}, expect=200)
    assert (await world.get("/v1/alerts"))["items"] == []
    assert len((await world.get("/v1/alerts", set_aside=True))["items"]) == 1
    world.clock.advance(minutes=31)
    assert len((await world.get("/v1/alerts"))["items"]) == 1


async def test_alerts_are_assigned_annotated_resolved_and_measured(world: ApiWorld) -> None:
    first, second = await raised(world, ("a", Severity.WARNING, 1), ("b", Severity.WARNING, 1))
    await world.post(f"/v1/alerts/{first['id']}/assign", {"to": "li.na"}, expect=200)
    noted = await world.post(f"/v1/alerts/{first['id']}/notes", {"text": "called the driver"})
    assert (noted["assigned_to"], noted["notes"][0]["text"]) == ("li.na", "called the driver")
    await world.post(f"/v1/alerts/{first['id']}/resolve", {"cause": "handled"}, expect=200)
    await world.post(f"/v1/alerts/{second['id']}/resolve", {"cause": "false_alarm"}, expect=200)
    assert (await world.get("/v1/alerts"))["items"] == []
    (late,) = (await world.get("/v1/alerts/precision"))["items"]
    assert late == {"kind": "late", "resolved": 2, "worth": 1}


async def test_what_can_be_saved_comes_first_with_whom_to_call(world: ApiWorld) -> None:
    people = await people_of(world)
    await world.client.patch(
        f"/v1/users/{people.id('driver')}", json={"name": "王强", "phone": "139 0000 1111"}
    )
    hopeless = await on_the_way(world, people, "沪A1", promised_min=20, p50_min=80)
    near = await on_the_way(world, people, "沪A2", promised_min=120, p50_min=130)
    listed = (await world.get("/v1/alerts", rank="savable", kind="late_risk"))["items"]
    assert [alert["vehicle_label"] for alert in listed] == ["沪A2", "沪A1"]
    (order,) = listed[0]["orders"]
    assert (order["id"], order["left_min"], order["late_min"]) == (near["order"], 120.0, 10.0)
    assert 0.5 < order["probability_late"] < 1.0
    assert listed[0]["savable"] > listed[1]["savable"] > 0
    assert listed[1]["orders"][0]["id"] == hopeless["order"]
    assert listed[0]["trip_id"] == near["trip"]
    assert listed[0]["driver"] == {
        "id": people.id("driver"),
        "login": "driver-1",
        "name": "王强",
        "phone": "139 0000 1111",
    }
    headers = {"Authorization": f"Bearer {await token_of(world, people, 'warehouse')}"}
    seen = (await world.client.get("/v1/alerts", headers=headers)).json()["items"]
    assert [alert["driver"] for alert in seen] == [None, None]
    assert (await world.get("/v1/alerts", kind="stale"))["items"] == []


async def on_the_way(
    world: ApiWorld, people: People, label: str, *, promised_min: int, p50_min: int
) -> dict[str, str]:
    """A late-risk alert of a vehicle on a trip with one order, its estimate published."""
    now = world.clock()
    vehicle = await world.vehicle(people.depot, label)
    stop = {"name": "上海", "kind": "origin", "lat": 31.0, "lon": 121.0}
    trip = await world.post(
        "/v1/trips",
        {
            "vehicle_id": vehicle,
            "label": label,
            "active_from": (now - timedelta(hours=1)).isoformat(),
            "active_to": (now + timedelta(hours=9)).isoformat(),
            "stops": [stop, {**stop, "kind": "destination", "name": "苏州", "lat": 31.3}],
        },
    )
    await world.client.put(f"/v1/trips/{trip['id']}/driver", json={"driver_id": people.id("driver")})
    promised = (now + timedelta(minutes=promised_min)).isoformat()
    order = await world.order(people.depot, promised_at=promised, legs=[{"trip_id": trip["id"]}])
    async with world.work() as work:
        run = work.connection
        await run.execute(
            "insert into eta (trip_id, stop_id, computed_at, p50_at, p90_at) "
            "select trip_id, stop_id, $1, $2, $3 from stop join trip using (trip_id) "
            "where trip.public_id = $4 and kind = 'destination'",
            now,
            now + timedelta(minutes=p50_min),
            now + timedelta(minutes=p50_min + 15),
            trip["id"],
        )
        row = await run.fetchrow("select vehicle_id, depot_id from vehicle where public_id = $1", vehicle)
        order_id = await run.fetchval("select order_id from orders where public_id = $1", order["id"])
        finding = Finding(
            AlertKind.LATE_RISK,
            f"vehicle:{row['vehicle_id']}",
            row["depot_id"],
            row["vehicle_id"],
            (order_id,),
            Severity.WARNING,
            now,
        )
        await alerts.raise_all(run, [finding], now)
    return {"order": order["id"], "trip": trip["id"]}
