from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
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
    await world.post(f"/v1/alerts/{first['id']}/assign", {"to": "李娜"}, expect=200)
    noted = await world.post(f"/v1/alerts/{first['id']}/notes", {"text": "called the driver"})
    assert (noted["assigned_to"], noted["notes"][0]["text"]) == ("李娜", "called the driver")
    await world.post(f"/v1/alerts/{first['id']}/resolve", {"cause": "handled"}, expect=200)
    await world.post(f"/v1/alerts/{second['id']}/resolve", {"cause": "false_alarm"}, expect=200)
    assert (await world.get("/v1/alerts"))["items"] == []
    (late,) = (await world.get("/v1/alerts/precision"))["items"]
    assert late == {"kind": "late", "resolved": 2, "worth": 1}
