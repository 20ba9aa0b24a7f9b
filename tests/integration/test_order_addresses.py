from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import httpx
import pytest
from api_world import NOON, ApiWorld, running_api
from geocoder import LocalGeocoder, local_geocoder
from prometheus_client import CollectorRegistry

from domain.access import process_principal
from geo.geocoders import Geocoder
from geo.geocoders.nominatim import Nominatim
from store import evidence
from store.cipher import Cipher
from store.pool import open_connection
from watch import address_errors
from watch.measures import WatchMeasures
from watch.placing import NO_GEOCODER, Placer

WATCH = process_principal("watch")
GATE = (31.3112, 120.6287)
STREET = "江苏省苏州市姑苏区观前街1号"
_hashes = count(1)


class Street:
    """An API, watch's placer, and the geocoder between them and the world."""

    def __init__(self, world: ApiWorld, geocoder: LocalGeocoder, client: httpx.AsyncClient) -> None:
        self.world, self.geocoder = world, geocoder
        self.nominatim: Geocoder | None = Nominatim(client, geocoder.url)
        self.depot = ""

    async def place(self) -> None:
        placer = Placer(WATCH, Cipher(bytes(32)), self.nominatim, self.world.clock)
        connection = await open_connection(self.world.database_url)
        try:
            await placer.work_off(connection)
        finally:
            await connection.close()

    async def order(self, address: str, code: str | None = None, **contact: object) -> Any:
        self.depot = self.depot or await self.world.depot()
        packages = [] if code is None else [{"code": code}]
        body = {"depot_id": self.depot, "contact": {"address": address, **contact}, "packages": packages}
        return await self.world.post("/v1/orders", body)

    async def read(self, order: Any) -> Any:
        return await self.world.get(f"/v1/orders/{order['id']}")

    async def hand_over(self, order: Any, code: str, point: tuple[float, float] | None) -> None:
        lat, lon = point or (None, None)
        async with self.world.work() as work:
            await work.connection.execute(
                "insert into device (public_id, depot_id, name, kind)"
                " select gen_random_uuid(), depot_id, 's', 'scanner' from depot on conflict do nothing"
            )
            await work.connection.execute(
                "insert into scan (device_id, device_time, content_hash, received_at, scan_id, code, action,"
                " lat, lon) select device_id, $1, $2, $1, 's', $3, 'deliver', $4, $5 from device",
                self.world.clock(),
                next(_hashes),
                code,
                lat,
                lon,
            )
            order_id = await work.connection.fetchval(
                "select order_id from orders where public_id = $1", UUID(order["id"])
            )
            await evidence.record_evidence(work, [order_id], self.world.clock())


@pytest.fixture
async def street(database_url: str) -> AsyncIterator[Street]:
    with local_geocoder() as geocoder:
        async with running_api(database_url) as world, httpx.AsyncClient(timeout=60) as client:
            yield Street(world, geocoder, client)


async def test_a_clear_address_gets_its_point_from_the_geocoder(street: Street) -> None:
    street.geocoder.knows("观前街", GATE)
    order = await street.order("苏州姑苏 观前街1号")
    assert (order["state"], order["address"]["placing"], order["address"]["division"]) == (
        "open",
        "pending",
        "320508",
    )
    assert order["no_eta_reason"] == "no_point"
    await street.place()
    placed = await street.read(order)
    assert placed["address"]["placing"] == "geocoded"
    assert (placed["contact"]["lat"], placed["contact"]["lon"]) == GATE
    assert placed["no_eta_reason"] == "no_trip"
    assert street.geocoder.asked == ["江苏省苏州市姑苏区观前街1号"]


async def test_an_ambiguous_address_waits_for_somebody_to_choose(street: Street) -> None:
    street.geocoder.knows("中山路", GATE)
    order = await street.order("江苏鼓楼区中山路1号")
    assert (order["state"], order["no_eta_reason"]) == ("address_review", "address_review")
    assert [one["label"] for one in order["address"]["candidates"]] == [
        "江苏省南京市鼓楼区",
        "江苏省徐州市鼓楼区",
    ]
    await street.place()
    assert street.geocoder.asked == []
    wrong = await street.world.post(f"/v1/orders/{order['id']}/address", {"candidate": 2}, expect=422)
    assert wrong["errors"][0]["pointer"] == "/candidate"
    street.world.clock.advance(minutes=1)
    chosen = await street.world.post(f"/v1/orders/{order['id']}/address", {"candidate": 0}, expect=200)
    assert (chosen["state"], chosen["address"]["placing"]) == ("open", "pending")
    await street.place()
    assert (await street.read(order))["address"]["placing"] == "geocoded"
    assert street.geocoder.asked == ["江苏省南京市鼓楼区 江苏鼓楼区中山路1号"]


async def test_what_the_geocoder_knows_twice_is_reviewed_and_a_point_settles_it(street: Street) -> None:
    street.geocoder.knows("观前街", GATE, (31.5, 120.9))
    order = await street.order(STREET)
    await street.place()
    doubtful = await street.read(order)
    assert (doubtful["state"], len(doubtful["address"]["candidates"])) == ("address_review", 2)
    street.world.clock.advance(minutes=1)
    point = {"lat": 31.31, "lon": 120.62}
    settled = await street.world.post(f"/v1/orders/{order['id']}/address", point, expect=200)
    assert (settled["state"], settled["address"]["placing"]) == ("open", "chosen")
    assert (settled["contact"]["lat"], settled["contact"]["lon"]) == (31.31, 120.62)
    assert settled["address"]["corrected_at"] is not None


async def test_given_coordinates_win(street: Street) -> None:
    order = await street.order("江苏鼓楼区中山路1号", lat=31.0, lon=120.0)
    assert (order["state"], order["address"]["placing"]) == ("open", "given")
    await street.place()
    assert street.geocoder.asked == []
    half = {"depot_id": street.depot, "contact": {"lat": 31.0}}
    await street.world.post("/v1/orders", half, expect=422)


async def test_a_geocoder_that_is_away_is_asked_again_one_that_knows_nothing_is_not(
    street: Street,
) -> None:
    street.geocoder.status = 503
    order = await street.order(STREET)
    await street.place()
    waiting = (await street.read(order))["address"]
    assert (waiting["placing"], waiting["reason"]) == ("pending", "the geocoder answered 503")
    await street.place()
    assert len(street.geocoder.asked) == 1
    street.geocoder.status = 200
    # A town is no place to deliver to.
    street.geocoder.knows("观前街", GATE, rank=16)
    street.world.clock.advance(minutes=5)
    await street.place()
    without = await street.read(order)
    assert (without["address"]["placing"], without["address"]["reason"]) == (
        "unplaced",
        "the geocoder knows no such place",
    )
    assert without["no_eta_reason"] == "no_point"
    assert any(one["stage"] == "received" and one["actual_at"] for one in without["milestones"])


async def test_without_a_geocoder_the_order_says_so_and_the_customer_sees_why(street: Street) -> None:
    street.nominatim = None
    order = await street.order(STREET)
    await street.place()
    assert (await street.read(order))["address"]["reason"] == NO_GEOCODER
    token = await street.world.share(order["id"])
    view = await street.world.get(f"/v1/track/{token}")
    assert (view["no_eta_reason"], len(view["milestones"]) > 0) == ("no_point", True)


async def test_a_delivery_teaches_the_point_and_no_address_is_stored_in_plain(street: Street) -> None:
    street.geocoder.knows("观前街", (31.33, 120.6287))
    first = await street.order(STREET, "P-1")
    await street.place()
    street.world.clock.advance(hours=1)
    await street.hand_over(first, "P-1", GATE)
    await street.place()
    assert (await street.read(first))["address"]["delivered_off_m"] == pytest.approx(2090, abs=10)
    again = await street.order("江苏省 苏州市 姑苏区,观前街１号")
    assert again["address"]["placing"] == "learned"
    assert (again["contact"]["lat"], again["contact"]["lon"]) == GATE
    async with street.world.work() as work:
        stored = await work.connection.fetch("select row_to_json(k)::text from known_point k")
        plain = await work.connection.fetch("select row_to_json(a)::text from order_address a")
    text = "".join(row[0] for row in [*stored, *plain])
    assert not any(part in text for part in ("观前", "31.31", "120.62"))


async def test_wrong_addresses_are_reported_and_measured(street: Street) -> None:
    street.geocoder.knows("观前街", GATE)
    orders = [await street.order(STREET, f"P-{n}") for n in range(4)]
    await street.place()
    far = (GATE[0] + 0.006, GATE[1])
    await street.hand_over(orders[0], "P-0", far)
    near = (GATE[0] + 0.003, GATE[1])
    await street.hand_over(orders[1], "P-1", near)
    await street.hand_over(orders[2], "P-2", None)
    await street.place()
    moved = {"contact": {"address": "江苏省苏州市姑苏区平江路2号"}}
    answer = await street.world.client.patch(f"/v1/orders/{orders[3]['id']}", json=moved)
    assert answer.json()["address"]["placing"] == "pending"
    assert answer.json()["contact"]["lat"] is None
    report = await street.world.get("/v1/reports/address-errors")
    assert (report["orders"], report["wrong"]) == (4, 2)
    assert (report["corrected"], report["delivered_elsewhere"], report["error_rate"]) == (1, 1, 0.5)
    assert (report["target"], report["meets_target"]) == (0.05, False)
    registry = CollectorRegistry()
    async with street.world.work() as work:
        await address_errors.run(work.connection, WATCH, NOON + timedelta(hours=2), WatchMeasures(registry))
    assert registry.get_sample_value("zaitu_address_error_ratio") == 0.5


async def test_a_new_phone_number_leaves_the_place_alone(street: Street) -> None:
    street.geocoder.knows("观前街", GATE)
    order = await street.order(STREET)
    await street.place()
    change = {"contact": {"phone": "13800000000"}}
    changed = (await street.world.client.patch(f"/v1/orders/{order['id']}", json=change)).json()
    assert (changed["address"]["placing"], changed["address"]["corrected_at"]) == ("geocoded", None)
    assert changed["contact"]["lat"] == GATE[0]


async def test_an_address_made_clear_ends_the_review(street: Street) -> None:
    order = await street.order("鼓楼区中山路1号")
    assert order["state"] == "address_review"
    street.world.clock.advance(minutes=1)
    clear = {"contact": {"address": "南京市鼓楼区中山路1号"}}
    changed = (await street.world.client.patch(f"/v1/orders/{order['id']}", json=clear)).json()
    assert (changed["state"], changed["address"]["placing"]) == ("open", "pending")
