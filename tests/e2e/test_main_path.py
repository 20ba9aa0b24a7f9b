"""The main path, through the real processes: a truck's fixes by MQTT, its order's page by event stream."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from company import LON, Company, drive, fix, north, payload, scan
from event_stream import EventReader
from ingest_process import publisher, wait_until

from runtime.demo.children import Child, Children
from runtime.stack.mosquitto import Broker
from simulators.clock import SystemClock
from simulators.faults import FAULTS
from simulators.fleet import FleetOptions, run_fleet

ADMIN_TOKEN = "the administrator's token of this test"
READY_WITHIN_S = 120.0


@asynccontextmanager
async def running_services(database_url: str, broker: Broker, folder: Path) -> AsyncIterator[str]:
    """Run ingest, watch and api; the API's address."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "MQTT_URL": broker.url,
        "ZAITU_DATA_DIR": str(folder),
        "ZAITU_ADMIN_TOKEN": ADMIN_TOKEN,
        "ZAITU_LOG_FORMAT": "json",
        "ZAITU_API_PORT": "0",
        "ZAITU_DEVICE_HTTP_PORT": "0",
        "ZAITU_INGEST_METRICS_PORT": "0",
        "ZAITU_WATCH_METRICS_PORT": "0",
    }
    async with Children(folder / "log", environment, asyncio.Event()) as children:
        ingest, watch, api = [await children.start(name, name) for name in ("ingest", "watch", "api")]

        async def ready() -> bool:
            are_up = "subscribed" in ingest.events() and "at work" in watch.events()
            return are_up and (url := address_of(api)) is not None and await answers(url)

        await children.until(ready, READY_WITHIN_S, "the services did not become ready")
        url = address_of(api)
        assert url is not None
        yield url
        children.check()


def address_of(child: Child) -> str | None:
    """Where an HTTP server listens, once it has said so in its log."""
    found = (re.search(r"Uvicorn running on (http://[\d.:]+)", event) for event in child.events())
    return next((match[1] for match in found if match), None)


async def answers(url: str) -> bool:
    async with httpx.AsyncClient(timeout=READY_WITHIN_S) as client:
        try:
            return (await client.get(f"{url}/ready")).is_success
        except httpx.TransportError:
            return False


class Office:
    """Registers over HTTP what the facts are about."""

    def __init__(self, client: httpx.AsyncClient, since: datetime) -> None:
        self._client = client
        self._since = since

    async def add(self, what: str, **body: object) -> Any:
        response = await self._client.post(f"/v1/{what}", json=body)
        assert response.status_code == 201, response.text
        return response.json()

    async def truck(self, depot: str) -> str:
        """A vehicle whose tracker is called trk-1."""
        vehicle = (await self.add("vehicles", depot_id=depot, label="沪A12345"))["id"]
        device = (await self.add("devices", depot_id=depot, name="trk-1", kind="tracker"))["id"]
        await self.add(f"devices/{device}/assignments", vehicle_id=vehicle, **{"from": self._at(0)})
        return str(vehicle)

    async def order(self, depot: str, vehicle: str) -> str:
        """An order from the beginning of the road to a customer 30 km up; the token of its page."""
        stops = []
        for kind, metres in (("origin", 0.0), ("destination", 30_000.0)):
            circle = {"type": "Point", "coordinates": [LON, north(metres)], "radius_m": 200}
            fence = await self.add(
                "geofences", depot_id=depot, name=kind, geometry=circle, valid_from=self._at(0)
            )
            stops.append({"kind": kind, "name": kind, "geofence_id": fence["id"]})
        trip = await self.add(
            "trips",
            vehicle_id=vehicle,
            label="northbound",
            active_from=self._at(0),
            active_to=self._at(12),
            stops=[
                {**stop, "lat": north(metres), "lon": LON, "planned_arrival_at": self._at(hours)}
                for stop, metres, hours in zip(stops, (0.0, 30_000.0), (0, 2), strict=True)
            ],
            route={"type": "LineString", "coordinates": [[LON, north(0)], [LON, north(30_000)]]},
        )
        order = await self.add(
            "orders",
            depot_id=depot,
            received_at=self._at(0),
            promised_at=self._at(9),
            stops=stops,
            packages=[{"code": "P1"}],
            legs=[{"trip_id": trip["id"]}],
        )
        return str((await self.add(f"orders/{order['id']}/share-links"))["token"])

    def _at(self, hours: float) -> str:
        return (self._since + timedelta(hours=hours)).isoformat()


async def test_a_truck_that_drives_off_moves_on_its_orders_page(
    database_url: str, broker: Broker, tmp_path: Path
) -> None:
    left_at = datetime.now(UTC) - timedelta(minutes=10)
    standing = [fix(left_at + timedelta(seconds=10 * turn - 100), 0.0, seq=turn) for turn in range(10)]
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with (
        running_services(database_url, broker, tmp_path) as url,
        httpx.AsyncClient(base_url=url, headers=headers, timeout=READY_WITHIN_S) as client,
    ):
        office = Office(client, left_at - timedelta(hours=1))
        depot = (await office.add("depots", code="SH1", name="上海仓"))["id"]
        token = await office.order(depot, await office.truck(depot))
        async with client.stream("GET", f"/v1/track/{token}/events", timeout=READY_WITHIN_S) as response:
            page = EventReader(response)
            before = (await page.next("view")).data

            with publisher(broker) as publish:
                publish("trk-1/scan", payload(scan(left_at - timedelta(minutes=1), "P1", "load")))
                publish("trk-1/gps", payload([*standing, *drive(left_at, 0, 3_000)]))
            driving = await _view_where(page, "dispatched")
            with publisher(broker) as publish:
                publish("trk-1/gps", payload(fix(datetime.now(UTC), 8_000, seq=100)))
            moved = await _view_where(page, "dispatched", beyond=driving["vehicle"]["lat"])

    assert (before["vehicle"], _reached(before)) == (None, {"received"})
    assert {"received", "loaded", "dispatched"} <= _reached(driving)
    assert driving["vehicle"]["label"] == "沪A12345"
    assert moved["vehicle"]["lat"] == north(8_000)
    assert moved["stops"][-1]["eta"] is not None


def _reached(view: Any) -> set[str]:
    return {milestone["stage"] for milestone in view["milestones"] if milestone["actual_at"]}


async def _view_where(page: EventReader, stage: str, beyond: float = 0.0) -> Any:
    """The first view with this stage reached, the vehicle further north and an arrival expected."""
    while True:
        view = (await page.next("view")).data
        is_there = view["vehicle"] is not None and view["vehicle"]["lat"] > beyond
        if stage in _reached(view) and is_there and view["stops"][-1]["eta"] is not None:
            return view


async def test_a_fleet_with_every_fault_that_keeps_facts_until_their_receipts_balances_its_books(
    broker: Broker, company: Company, database_url: str, tmp_path: Path
) -> None:
    def counted() -> dict[str, int]:
        return {
            "stored": company.value(
                "select (select count(*) from position) + (select count(*) from scan) "
                "+ (select count(*) from reading)"
            ),
            "quarantined": company.value("select count(*) from quarantine"),
            "rejected": int(company.value("select coalesce(sum(times), 0) from rejected")),
        }

    async with running_services(database_url, broker, tmp_path) as url:
        options = FleetOptions(
            mqtt_url=broker.simulator_url,
            api_url=url,
            token=ADMIN_TOKEN,
            run="t",
            vehicles=4,
            duration_s=12.0,
            faults=dict.fromkeys(FAULTS, 0.03),
            keep_until_receipt=True,
        )
        final = await asyncio.to_thread(run_fleet, options, SystemClock(threading.Event()))
        expected = {name: final[name] for name in ("stored", "quarantined", "rejected")}
        await asyncio.to_thread(wait_until, lambda: counted() == expected, f"{expected} in the database")

    assert final["stored"]
    assert final["unconfirmed"] == 0
    assert final["without_receipt"] == 0, "every fact that can be read is committed, or refused for good"
    assert counted() == expected
