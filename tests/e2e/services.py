"""The real processes, and an office that registers over HTTP what facts are about."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from company import LON, north

from runtime.demo.children import Child, Children
from runtime.stack.mosquitto import Broker

ADMIN_TOKEN = "the administrator's token of this test"
READY_WITHIN_S = 120.0


@asynccontextmanager
async def running_services(
    database_url: str, broker: Broker, folder: Path, **settings: str
) -> AsyncIterator[str]:
    """Run ingest, watch and api, with these settings too; the API's address."""
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
        **settings,
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


@asynccontextmanager
async def opened_office(
    database_url: str, broker: Broker, folder: Path, since: datetime, **settings: str
) -> AsyncIterator[Office]:
    """The services, with these settings too, and an office whose things have been there since then."""
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with (
        running_services(database_url, broker, folder, **settings) as url,
        httpx.AsyncClient(base_url=url, headers=headers, timeout=READY_WITHIN_S) as client,
    ):
        office = Office(client, url, since)
        office.depot = (await office.add("depots", code="SH1", name="上海仓"))["id"]
        yield office


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
    """Registers over HTTP, as administrator, what the facts are about, in a depot of its own."""

    def __init__(self, client: httpx.AsyncClient, url: str, since: datetime) -> None:
        self.client = client
        self.url = url
        self.depot = ""
        self._since = since

    async def add(self, what: str, **body: object) -> Any:
        response = await self.client.post(f"/v1/{what}", json=body)
        assert response.status_code == 201, response.text
        return response.json()

    async def truck(self) -> str:
        """A vehicle whose tracker is called trk-1."""
        vehicle = (await self.add("vehicles", depot_id=self.depot, label="沪A12345"))["id"]
        device = (await self.add("devices", depot_id=self.depot, name="trk-1", kind="tracker"))["id"]
        await self.add(f"devices/{device}/assignments", vehicle_id=vehicle, **{"from": self._at(0)})
        return str(vehicle)

    async def order(self, vehicle: str) -> str:
        """An order from the beginning of the road to a customer 30 km up; the token of its page."""
        stops = []
        for kind, metres in (("origin", 0.0), ("destination", 30_000.0)):
            circle = {"type": "Point", "coordinates": [LON, north(metres)], "radius_m": 200}
            fence = await self.add(
                "geofences", depot_id=self.depot, name=kind, geometry=circle, valid_from=self._at(0)
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
            depot_id=self.depot,
            received_at=self._at(0),
            promised_at=self._at(9),
            stops=stops,
            packages=[{"code": "P1"}],
            legs=[{"trip_id": trip["id"]}],
        )
        return str((await self.add(f"orders/{order['id']}/share-links"))["token"])

    def _at(self, hours: float) -> str:
        return (self._since + timedelta(hours=hours)).isoformat()
