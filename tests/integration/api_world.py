"""A running API with its own database, spoken to over HTTP, and the facts other processes would write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import httpx
from event_stream import EventReader
from uuid_utils.compat import uuid7

from api.__main__ import Server
from api.app import ApiConfig, create_app
from api.services import Sources
from domain.facts import Fix, Stamp
from migrations.runner import load_migrations
from runtime.slow_clients import PatientProtocol
from store import facts
from store.cipher import Cipher
from store.facts import LatestPosition
from store.pool import Connection, open_connection
from store.unit_of_work import UnitOfWork, unit_of_work

ADMIN_TOKEN = "an administrator's token of the tests"
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
WITHIN_S = 60.0


class SetClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


class RealClock(SetClock):
    """The machine's clock, as browsers have it."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)


class ApiWorld:
    """A client of the API (as administrator), the API's clock, and its database."""

    def __init__(self, client: httpx.AsyncClient, clock: SetClock, database_url: str, server: Server) -> None:
        self.client = client
        self.clock = clock
        self.database_url = database_url
        self._server = server
        self._idle: list[Connection] = []

    def stop(self) -> None:
        """Ask the API to stop."""
        self._server.should_exit = True

    async def post(self, path: str, body: object | None = None, *, expect: int = 201) -> Any:
        response = await self.client.post(path, json=body)
        assert response.status_code == expect, response.text
        return response.json()

    async def get(self, path: str, *, expect: int = 200, **params: Any) -> Any:
        response = await self.client.get(path, params=params)
        assert response.status_code == expect, response.text
        return response.json()

    @asynccontextmanager
    async def events(self, path: str, **headers: str) -> AsyncIterator[EventReader]:
        """Follow an event stream."""
        async with self.client.stream("GET", path, headers=headers) as response:
            assert response.status_code == 200, await response.aread()
            yield EventReader(response)

    async def depot(self, code: str = "SH1", **more: object) -> str:
        made = await self.post("/v1/depots", {"code": code, "name": "上海仓", **more})
        return str(made["id"])

    async def vehicle(self, depot: str, label: str = "沪A12345") -> str:
        return str((await self.post("/v1/vehicles", {"depot_id": depot, "label": label}))["id"])

    async def fence(self, depot: str, name: str, lon: float, lat: float, **more: object) -> str:
        geometry = {"type": "Point", "coordinates": [lon, lat], "radius_m": 200}
        body = {"depot_id": depot, "name": name, "geometry": geometry, **more}
        return str((await self.post("/v1/geofences", body))["id"])

    async def order(self, depot: str, **more: object) -> Any:
        """An order from an origin straight to a destination."""
        return await self.post("/v1/orders", order_body(depot, **more))

    async def share(self, order_id: str) -> str:
        return str((await self.post(f"/v1/orders/{order_id}/share-links"))["token"])

    @asynccontextmanager
    async def work(self) -> AsyncIterator[UnitOfWork]:
        """A transaction of another process."""
        connection = self._idle.pop() if self._idle else await open_connection(self.database_url)
        try:
            async with unit_of_work(connection) as work:
                yield work
        finally:
            if not connection.is_closed():
                self._idle.append(connection)

    async def disconnect(self) -> None:
        """Close the connections of those transactions."""
        for connection in self._idle:
            await connection.close()

    async def moves(
        self,
        device: str,
        vehicle: str,
        lat: float,
        lon: float,
        at: datetime | None = None,
        heading_deg: float = 90.0,
    ) -> None:
        """What ingest writes for one fix."""
        at = at or self.clock()
        async with self.work() as work:
            fetch = work.connection.fetchval
            device_id = await fetch("select device_id from device where public_id = $1", UUID(device))
            vehicle_id = await fetch("select vehicle_id from vehicle where public_id = $1", UUID(vehicle))
            stamp = Stamp(device_time=at, content_hash=hash((lat, lon)), received_at=at, seq=None)
            fix = Fix(stamp, lat, lon, "wgs84", speed_mps=20.0, heading_deg=heading_deg)
            await facts.add_positions(work.connection, [(device_id, fix)])
            await facts.advance_last_fixes(work.connection, [(device_id, fix)])
            await facts.advance_latest_positions(
                work.connection, [LatestPosition(vehicle_id, device_id, fix)]
            )
            work.tell("position", [vehicle_id])

    async def happens(self, order_id: str, stage: str, at: datetime | None = None, **more: object) -> Any:
        """Evidence from another system."""
        body = {"stage": stage, "at": (at or self.clock()).isoformat(), "source_key": f"{stage}-1", **more}
        return await self.post(f"/v1/orders/{order_id}/evidence", body)


def order_body(depot: str, **more: object) -> dict[str, object]:
    return {
        "depot_id": depot,
        "promised_at": (NOON + timedelta(hours=6)).isoformat(),
        "stops": [{"kind": "origin", "name": "上海"}, {"kind": "destination", "name": "苏州"}],
        **more,
    }


@asynccontextmanager
async def running_api(
    database_url: str,
    *,
    trusted_proxies: str = "",
    protocol: type[PatientProtocol] = PatientProtocol,
    clock: SetClock | None = None,
    **config: Any,
) -> AsyncIterator[ApiWorld]:
    """Serve the API on a free port for the time of the body; its own clock stands until it is moved."""
    clock = clock or SetClock()
    made = ApiConfig(
        database_url=database_url,
        admin_token=ADMIN_TOKEN,
        newest_migration=load_migrations()[-1].number,
        **{"cipher": Cipher(bytes(32)), **config},
    )
    tokens = (f"token-{number:04}-{'x' * 32}" for number in count())
    app = create_app(made, Sources(clock, uuid7, lambda: next(tokens)))
    server = Server(app, "127.0.0.1", 0, trusted_proxies, protocol)
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(WITHIN_S):
            while not server.started:
                assert not serving.done(), "the API did not start"
                await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        url = f"http://127.0.0.1:{port}"
        # The server drops idle connections after 5 s, as the client would: the client must be the first.
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=1.0)
        async with httpx.AsyncClient(
            base_url=url, headers=headers, timeout=WITHIN_S, limits=limits
        ) as client:
            world = ApiWorld(client, clock, database_url, server)
            try:
                yield world
            finally:
                await world.disconnect()
    finally:
        server.should_exit = True
        await serving
