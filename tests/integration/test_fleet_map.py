from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from access_world import people_of, token_of
from api_world import NOON, ApiWorld, running_api

from api import fleet_map
from domain.alerts import AlertKind, Finding, Severity
from store import alerts

BOX = "121.3,31.1,121.5,31.25"


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[ApiWorld]:
    async with running_api(database_url) as world:
        yield world


async def tracked(world: ApiWorld, depot: str, label: str) -> tuple[str, str]:
    """A vehicle and its tracker."""
    device = await world.post("/v1/devices", {"depot_id": depot, "name": f"tracker-{label}"})
    return device["id"], await world.vehicle(depot, label)


async def raise_late(world: ApiWorld, label: str) -> None:
    async with world.work() as work:
        row = await work.connection.fetchrow(
            "select vehicle_id, depot_id from vehicle where label = $1", label
        )
        subject = f"vehicle:{row['vehicle_id']}"
        finding = Finding(
            AlertKind.LATE_RISK, subject, row["depot_id"], row["vehicle_id"], (), Severity.WARNING, NOON
        )
        work.tell("alert", await alerts.raise_all(work.connection, [finding], NOON))


async def test_the_fleet_is_shown_by_column(world: ApiWorld) -> None:
    depot = await world.depot()
    moving, silent = await tracked(world, depot, "moving"), await tracked(world, depot, "silent")
    await tracked(world, depot, "unseen")
    await world.moves(*silent, 31.3, 121.6)
    world.clock.advance(minutes=16)
    await world.moves(*moving, 31.2, 121.4)
    await raise_late(world, "moving")
    trip = await world.post(
        "/v1/trips",
        {
            "vehicle_id": moving[1],
            "label": "t",
            "active_from": NOON.isoformat(),
            "active_to": (NOON + timedelta(hours=2)).isoformat(),
            "stops": [
                {"name": "a", "kind": "origin", "lat": 31.0, "lon": 121.0},
                {"name": "b", "kind": "destination", "lat": 31.2, "lon": 121.0},
            ],
        },
    )

    everyone = await world.get("/v1/fleet/positions")
    boxed = await world.get("/v1/fleet/positions", bbox=BOX)

    assert everyone["labels"] == ["moving", "silent"]
    assert everyone["status"] == ["moving", "stale"]
    assert everyone["risk"] == ["late_risk", None]
    assert everyone["trip_ids"] == [trip["id"], None]
    assert boxed == {
        "ids": [moving[1]],
        "labels": ["moving"],
        "lat": [31.2],
        "lon": [121.4],
        "heading_deg": [90.0],
        "speed_mps": [20.0],
        "at_ms": [round((NOON + timedelta(minutes=16)).timestamp() * 1000)],
        "status": ["moving"],
        "trip_ids": [trip["id"]],
        "risk": ["late_risk"],
    }


async def test_a_map_hears_what_moves_in_its_box_and_what_leaves_it(world: ApiWorld) -> None:
    depot = await world.depot()
    one, other = await tracked(world, depot, "one"), await tracked(world, depot, "other")
    await world.moves(*one, 31.2, 121.4)
    await world.moves(*other, 31.3, 121.6)
    async with world.events(f"/v1/fleet/events?bbox={BOX}") as stream:
        assert (await stream.next()).data["labels"] == ["one"]

        world.clock.advance(seconds=10)
        await world.moves(*other, 31.21, 121.41)
        entered = await stream.next("changed")
        assert (entered.data["ids"], entered.data["left"]) == ([other[1]], [])

        world.clock.advance(seconds=10)
        await world.moves(*one, 31.4, 121.4)
        gone = await stream.next("changed")
        assert (gone.data["ids"], gone.data["left"]) == ([], [one[1]])

        await raise_late(world, "other")
        assert (await stream.next("changed")).data["risk"] == ["late_risk"]


async def test_silence_is_seen_though_nothing_happens(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_map, "SWEEP_S", 0.1)
    vehicle = await tracked(world, await world.depot(), "one")
    await world.moves(*vehicle, 31.2, 121.4)
    async with world.events("/v1/fleet/events") as stream:
        assert (await stream.next()).data["status"] == ["moving"]
        world.clock.advance(minutes=16)
        assert (await stream.next("changed")).data["status"] == ["stale"]


async def test_a_map_shows_only_ones_own_depots(world: ApiWorld) -> None:
    people = await people_of(world)
    headers = {"Authorization": f"Bearer {await token_of(world, people, 'dispatcher')}"}
    own = await tracked(world, people.depot, "own")
    foreign = await tracked(world, people.foreign_depot, "foreign")
    for vehicle in (own, foreign):
        await world.moves(*vehicle, 31.2, 121.4)
    answer: Any = (await world.client.get("/v1/fleet/positions", headers=headers)).json()
    assert answer["labels"] == ["own"]
    async with world.events("/v1/fleet/events", **headers) as stream:
        assert (await stream.next("full")).data["labels"] == ["own"]
