from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from api_world import NOON, WITHIN_S, ApiWorld, running_api
from event_stream import EventReader

from api import streams

SHANGHAI, KUNSHAN, SUZHOU = (31.23, 121.47), (31.38, 120.98), (31.3, 120.62)


@dataclass
class Journey:
    """An order from Shanghai over Kunshan to Suzhou, riding on one truck."""

    world: ApiWorld
    order: str
    vehicle: str
    device: str
    trip: str
    token: str

    @property
    def path(self) -> str:
        return f"/v1/track/{self.token}"

    async def view(self) -> Any:
        return await self.world.get(self.path)

    async def moves(self, lat: float, lon: float, at: datetime | None = None) -> None:
        await self.world.moves(self.device, self.vehicle, lat, lon, at)

    async def expected(self, at: datetime) -> None:
        """What watch writes when it publishes an estimate for the last stop."""
        async with self.world.work() as work:
            row = await work.connection.fetchrow(
                "select trip_id, stop_id from trip join stop using (trip_id) "
                "where public_id = $1 and kind = 'destination'",
                UUID(self.trip),
            )
            await work.connection.execute(
                "insert into eta (trip_id, stop_id, computed_at, p10_at, p50_at, p90_at)"
                " values ($1, $2, $3, $4, $5, $6)",
                *(row["trip_id"], row["stop_id"], self.world.clock()),
                *(at - timedelta(minutes=10), at, at + timedelta(minutes=20)),
            )
            work.tell("eta", [row["trip_id"]])

    async def alerted(self, kind: str) -> None:
        """What watch writes when it raises an alert."""
        async with self.world.work() as work:
            alert_id = await work.connection.fetchval(
                "insert into alert (public_id, depot_id, kind, subject, order_ids, severity, opened_at, "
                "updated_at) select gen_random_uuid(), depot_id, $2, 'order:' || order_id, array[order_id], "
                "'warning', $3, $3 from orders where public_id = $1 returning alert_id",
                *(UUID(self.order), kind, self.world.clock()),
            )
            work.tell("alert", [alert_id])


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[ApiWorld]:
    async with running_api(database_url) as world:
        yield world


@pytest.fixture
async def journey(world: ApiWorld) -> Journey:
    return await journey_in(world)


async def journey_in(world: ApiWorld, code: str = "SH1") -> Journey:
    depot = await world.depot(code)
    vehicle = await world.vehicle(depot, f"沪A-{code}")
    device = (await world.post("/v1/devices", {"depot_id": depot, "name": f"tracker-{code}"}))["id"]
    places = (("上海", "origin", SHANGHAI), ("昆山", "hub", KUNSHAN), ("苏州", "destination", SUZHOU))
    fences = [await world.fence(depot, name, lon, lat, purpose=kind) for name, kind, (lat, lon) in places]
    stops = [
        {"name": name, "kind": kind, "geofence_id": fence}
        for (name, kind, _), fence in zip(places, fences, strict=True)
    ]
    active = {"active_from": NOON.isoformat(), "active_to": (NOON + timedelta(hours=6)).isoformat()}
    trip = await world.post("/v1/trips", {"vehicle_id": vehicle, "label": "沪苏", "stops": stops, **active})
    order = await world.order(
        depot,
        stops=stops,
        packages=[{"code": f"{code}-P1"}, {"code": f"{code}-P2"}],
        legs=[{"trip_id": trip["id"]}],
    )
    token = await world.share(order["id"])
    return Journey(world, order["id"], vehicle, device, trip["id"], token)


async def test_a_customer_sees_the_truck_from_dispatch_until_delivery(journey: Journey) -> None:
    await journey.moves(*SHANGHAI)
    assert (await journey.view())["vehicle"] is None

    await journey.world.happens(journey.order, "dispatched")
    under_way = await journey.view()
    assert under_way["vehicle"]["label"] == "沪A-SH1"
    assert under_way["route"] == [[121.47, 31.23], [120.98, 31.38], [120.62, 31.3]]
    assert [(stop["lon"], stop["lat"]) for stop in under_way["stops"]] == [
        (lon, lat) for lat, lon in (SHANGHAI, KUNSHAN, SUZHOU)
    ]

    await journey.world.happens(journey.order, "delivered")
    delivered = await journey.view()
    assert delivered["vehicle"] is None
    assert delivered["route"] == []
    assert (delivered["packages_done"], delivered["packages_total"]) == (2, 2)


async def test_a_customer_sees_nothing_internal(journey: Journey) -> None:
    await journey.world.happens(journey.order, "dispatched")
    await journey.moves(*SHANGHAI)
    text = str(await journey.view())
    for secret in (journey.order, journey.vehicle, journey.trip, journey.device, "order_id"):
        assert secret not in text


async def test_a_silent_truck_is_shown_as_out_of_date(journey: Journey) -> None:
    await journey.world.happens(journey.order, "dispatched")
    await journey.moves(*SHANGHAI)
    journey.world.clock.advance(minutes=14)
    assert (await journey.view())["vehicle"]["stale"] is False
    journey.world.clock.advance(minutes=2)
    seen = (await journey.view())["vehicle"]
    assert (seen["stale"], seen["freshness_s"]) == (True, 960.0)


async def test_estimates_alerts_and_lateness_are_shown(journey: Journey) -> None:
    await journey.expected(NOON + timedelta(hours=2))
    await journey.alerted("late_risk")
    view = await journey.view()
    eta = view["stops"][2]["eta"]
    assert (eta["p10_at"], eta["p90_at"]) == ("2026-11-21T13:50:00Z", "2026-11-21T14:20:00Z")
    assert (view["alerts"], view["late"]) == (["late_risk"], False)
    assert [stop["due"] for stop in view["stops"]] == [False, False, False]
    journey.world.clock.advance(hours=7)
    late = await journey.view()
    assert late["late"] is True
    assert [stop["due"] for stop in late["stops"]] == [False, False, True]
    assert {m["stage"]: m["colour"] for m in late["milestones"]}["delivered"] == "red"


async def test_the_entity_tag_stays_until_something_but_the_clock_moves(journey: Journey) -> None:
    await journey.world.happens(journey.order, "dispatched")
    await journey.moves(*SHANGHAI)
    client = journey.world.client
    tag = (await client.get(journey.path)).headers["etag"]
    journey.world.clock.advance(seconds=20)
    unchanged = await client.get(journey.path, headers={"If-None-Match": tag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    await journey.moves(*KUNSHAN)
    assert (await client.get(journey.path, headers={"If-None-Match": tag})).status_code == 200


async def test_a_link_that_is_unknown_expired_or_revoked_leads_nowhere(journey: Journey) -> None:
    async def statuses(token: str) -> set[int]:
        found = set()
        async with httpx.AsyncClient(base_url=journey.world.client.base_url, timeout=WITHIN_S) as stranger:
            for path in (f"/v1/track/{token}", f"/v1/track/{token}/events"):
                async with stranger.stream("GET", path) as response:
                    found.add(response.status_code)
        return found

    assert await statuses(journey.token) == {200}
    assert await statuses("guessed") == {404}
    body = {"expires_in_s": 60}
    short = (await journey.world.post(f"/v1/orders/{journey.order}/share-links", body))["token"]
    assert await statuses(short) == {200}
    journey.world.clock.advance(seconds=60)
    assert await statuses(short) == {404}
    revoked = await journey.world.client.delete(f"/v1/orders/{journey.order}/share-links")
    assert revoked.status_code == 204
    assert await statuses(journey.token) == {404}


async def test_tokens_are_not_in_the_database(journey: Journey) -> None:
    async with journey.world.work() as work:
        stored = await work.connection.fetchval("select token_hash from share_link")
    assert journey.token.encode() not in stored
    assert len(stored) == 32


async def test_a_stream_begins_with_the_whole_view_and_tells_every_kind_of_change(journey: Journey) -> None:
    async with journey.world.events(f"{journey.path}/events") as stream:
        first = await stream.next("view")
        assert first.id is not None
        assert first.data["vehicle"] is None

        await journey.moves(*SHANGHAI)
        await journey.world.happens(journey.order, "dispatched")
        await until(stream, lambda view: view["vehicle"] is not None)
        await journey.moves(*KUNSHAN)
        await until(stream, lambda view: abs(view["vehicle"]["lat"] - KUNSHAN[0]) < 0.01)
        await journey.expected(NOON + timedelta(hours=2))
        await until(stream, lambda view: view["stops"][2]["eta"] is not None)
        await journey.alerted("late_risk")
        await until(stream, lambda view: view["alerts"] == ["late_risk"])


async def until(stream: EventReader, seen: Any) -> Any:
    while True:
        event = await stream.next("view")
        if seen(event.data):
            return event


async def test_many_changes_at_once_make_few_views_and_the_last_is_the_newest(journey: Journey) -> None:
    await journey.world.happens(journey.order, "dispatched")
    await journey.moves(*SUZHOU)
    async with journey.world.events(f"{journey.path}/events") as stream:
        await stream.next("view")
        # Changes are read once no older transaction is open: this one makes all of them come at once.
        async with journey.world.work() as older:
            await older.connection.fetchval("select pg_current_xact_id()")
            for step in range(1, 61):
                await journey.moves(SUZHOU[0] + step / 10_000, SUZHOU[1], NOON + timedelta(seconds=step))
        views = 0
        while True:
            views += 1
            if (await stream.next("view")).data["vehicle"]["lat"] == SUZHOU[0] + 60 / 10_000:
                break
    assert views < 60


async def test_changes_of_other_orders_wake_nobody(journey: Journey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SHORTEST_GAP_S", 0.0)
    other = await journey_in(journey.world, "SH2")
    async with journey.world.events(f"{journey.path}/events") as stream:
        await stream.next("view")
        await journey.world.happens(journey.order, "dispatched")
        await all_told(journey.world)
        await until(stream, lambda view: "dispatched" in done_in(view))
        # What woke the stream meanwhile may make one view more, whatever the other order does.
        before = await metric(journey.world, "zaitu_api_views_total")
        for step in range(10):
            await other.moves(*KUNSHAN, NOON + timedelta(seconds=step))
            await all_told(journey.world)
        assert await metric(journey.world, "zaitu_api_views_total") <= before + 1


def done_in(view: Any) -> set[str]:
    return {milestone["stage"] for milestone in view["milestones"] if milestone["actual_at"]}


async def all_told(world: ApiWorld) -> None:
    """Wait until the API has told its streams of every change there is."""
    async with world.work() as work:
        changes = await work.connection.fetchval("select count(*) from change")
    async with asyncio.timeout(WITHIN_S):
        while await metric(world, "zaitu_api_changes_total") < changes:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def metric(world: ApiWorld, name: str) -> float:
    exposition = (await world.client.get("/metrics")).text
    return next(float(line.split()[1]) for line in exposition.splitlines() if line.startswith(f"{name} "))


async def test_a_reconnecting_stream_has_what_happened_meanwhile(journey: Journey) -> None:
    async with journey.world.events(f"{journey.path}/events") as stream:
        first = await stream.next("view")
    await journey.world.happens(journey.order, "picked")
    async with journey.world.events(f"{journey.path}/events", **{"Last-Event-ID": str(first.id)}) as stream:
        again = await stream.next("view")
    assert done_in(again.data) == {"received", "picked"}


async def test_a_stream_ends_when_its_link_is_revoked(journey: Journey) -> None:
    async with journey.world.events(f"{journey.path}/events") as stream:
        await stream.next("view")
        await journey.world.client.delete(f"/v1/orders/{journey.order}/share-links")
        await stream.next("end")
        assert await stream.ended()


async def test_a_stream_ends_when_its_link_expires(journey: Journey) -> None:
    async with journey.world.events(f"{journey.path}/events") as stream:
        await stream.next("view")
        journey.world.clock.advance(days=31)
        await journey.world.happens(journey.order, "picked", NOON)
        await stream.next("end")
        assert await stream.ended()


async def test_a_quiet_stream_shows_that_it_lives_and_ends_with_its_link(
    journey: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(streams, "REFRESH_S", 0.2)
    async with journey.world.events(f"{journey.path}/events") as stream:
        await stream.next("view")
        await stream.heartbeat()
        await stream.next("view")
        journey.world.clock.advance(days=31)
        await stream.next("end")


async def test_streams_survive_the_loss_of_every_database_connection(journey: Journey) -> None:
    async with journey.world.events(f"{journey.path}/events") as stream:
        await stream.next("view")
        async with await psycopg.AsyncConnection.connect(journey.world.database_url) as admin:
            await admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid() "
                "and backend_type = 'client backend'"
            )
        async with journey.world.work() as work:
            order_id = await work.connection.fetchval(
                "update orders set cancelled_at = now() where public_id = $1 returning order_id",
                UUID(journey.order),
            )
            work.tell("order", [order_id])
        await until(stream, lambda view: view["cancelled"])


async def test_open_streams_end_when_the_api_stops(database_url: str) -> None:
    async with running_api(database_url) as world:
        journey = await journey_in(world)
        response = await world.client.send(
            world.client.build_request("GET", f"{journey.path}/events"), stream=True
        )
        stream = EventReader(response)
        await stream.next("view")
        world.stop()
        assert await stream.ended()
        await response.aclose()


async def test_staff_hear_which_things_changed_by_public_id(journey: Journey) -> None:
    async with journey.world.events("/v1/events?kind=position&kind=alert") as news:
        await news.next("hello")
        await journey.world.happens(journey.order, "dispatched")
        await journey.moves(*SHANGHAI)
        assert (await news.next("position")).data == {"ids": [journey.vehicle]}
        await journey.alerted("stale")
        alert = (await journey.world.get("/v1/alerts"))["items"][0]
        assert (await news.next("alert")).data == {"ids": [alert["id"]]}


async def test_staff_who_reconnect_hear_what_they_missed(journey: Journey) -> None:
    async with journey.world.events("/v1/events") as news:
        cursor = (await news.next("hello")).id
    await journey.moves(*SHANGHAI)
    async with journey.world.events("/v1/events", **{"Last-Event-ID": str(cursor)}) as news:
        assert (await news.next("position")).data == {"ids": [journey.vehicle]}
    refused = await journey.world.client.get("/v1/events", headers={"Last-Event-ID": "yesterday"})
    assert refused.status_code == 422


async def test_staff_who_were_away_for_too_long_are_told_to_read_everything_again(journey: Journey) -> None:
    async with journey.world.events("/v1/events") as news:
        cursor = (await news.next("hello")).id
    async with journey.world.work() as work:
        await work.connection.execute("delete from change")
    async with journey.world.events("/v1/events", **{"Last-Event-ID": str(cursor)}) as news:
        await news.next("reset")


async def test_an_alert_is_acknowledged_once(journey: Journey) -> None:
    await journey.alerted("late_risk")
    (alert,) = (await journey.world.get("/v1/alerts"))["items"]
    assert (alert["acknowledged_at"], [order["id"] for order in alert["orders"]]) == (None, [journey.order])
    path = f"/v1/alerts/{alert['id']}/acknowledge"
    first = await journey.world.post(path, expect=200)
    journey.world.clock.advance(minutes=1)
    assert (await journey.world.post(path, expect=200))["acknowledged_at"] == first["acknowledged_at"]
    assert first["acknowledged_by"] == "admin"


async def test_a_customer_sees_who_signed_without_the_name(journey: Journey) -> None:
    world = journey.world
    await world.happens(journey.order, "dispatched")
    assert (await journey.view())["proofs"] == []
    await world.happens(journey.order, "delivered", signed_by="王小明", proof="photo-77")
    view = await journey.view()
    assert view["proofs"] == [{"at": "2026-11-21T12:00:00Z", "signed_by": "王**", "recorded": True}]
    assert view["state"] == "delivered"
    assert "photo-77" not in str(view)


async def test_a_customer_sees_what_went_wrong_while_it_is_wrong(journey: Journey) -> None:
    world = journey.world
    await world.happens(journey.order, "dispatched")
    assert ((await journey.view())["state"], (await journey.view())["went_wrong"]) == ("open", None)
    await world.happens(journey.order, "attempt_failed", reason="nobody_home")
    view = await journey.view()
    assert (view["state"], view["went_wrong"]) == ("exception", "attempt_failed")
    world.clock.advance(minutes=5)
    await world.happens(journey.order, "exception_resolved")
    view = await journey.view()
    assert (view["state"], view["went_wrong"]) == ("open", None)
