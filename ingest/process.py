"""The ingest process put together: broker listener, device HTTP listener, writer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import uvicorn
from prometheus_client import CollectorRegistry

from domain.access import process_principal
from ingest.broker import BrokerAddress, BrokerListener
from ingest.http_listener import TokenHashOf, make_device_app
from ingest.inbox import BatchRules, Inbox
from ingest.measures import IngestMeasures
from ingest.receipts import ReceiptBook, tell_devices
from ingest.writer import Writer
from runtime.slow_clients import PatientProtocol
from store.border import borrowed
from store.cipher import Cipher
from store.fleet import devices_named
from store.pool import Pool, open_pool


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """What the process is started with; `http_port` None: no device HTTP listener.

    enrols: unknown devices are noted, to be approved, instead of just refused.
    """

    database_url: str
    broker: BrokerAddress
    client_id: str
    cipher: Cipher
    batch: BatchRules
    http_host: str = "127.0.0.1"
    http_port: int | None = None
    enrols: bool = False


def utc_now() -> datetime:
    """The clock of a running process."""
    return datetime.now(UTC)


class IngestProcess:
    """One ingest process; runs until stopped or cancelled, or until one of its parts fails."""

    def __init__(
        self,
        options: IngestOptions,
        registry: CollectorRegistry,
        now: Callable[[], datetime] = utc_now,
        on_new_session: Callable[[], None] = lambda: None,
    ) -> None:
        self._options = options
        self._now = now
        self._inbox = Inbox(options.batch, time.monotonic)
        self._measures = IngestMeasures(registry)
        self._broker = BrokerListener(
            options.broker,
            options.client_id,
            self._inbox,
            now,
            on_new_session,
            on_queue=self._measures.broker_queue.set,
        )
        self._receipts = ReceiptBook()
        self._writer = Writer(
            options.database_url,
            self._inbox,
            self._broker,
            options.cipher,
            self._measures,
            now,
            self._on_lock,
            self._receipts,
            enrols=options.enrols,
        )
        self._is_writer = asyncio.Event()
        self._is_standby = asyncio.Event()
        self._is_standby.set()

    async def run(self) -> None:
        """Write while this process is the writer, stand by while another is, until stopped."""
        async with asyncio.TaskGroup() as parts:
            writing = parts.create_task(self._writer.run(), name="writer")
            others = [
                parts.create_task(self._listen_to_broker(), name="broker"),
                parts.create_task(tell_devices(self._receipts, self._broker), name="receipts"),
            ]
            if self._options.http_port is not None:
                others.append(
                    parts.create_task(self._listen_to_devices(self._options.http_port), name="http")
                )
            await writing
            for other in others:
                other.cancel()

    def stop(self) -> None:
        """End `run` once the batch under way is committed and the fold's state kept."""
        self._writer.stop()

    def _on_lock(self, writing: bool) -> None:
        if writing:
            self._is_standby.clear()
            self._is_writer.set()
        else:
            self._is_writer.clear()
            self._is_standby.set()

    async def _listen_to_broker(self) -> None:
        """Be connected to the broker exactly while this process is the writer."""
        while True:
            await self._is_writer.wait()
            listening = asyncio.create_task(self._broker.run(), name="broker connection")
            standby = asyncio.create_task(self._is_standby.wait(), name="standby")
            try:
                await asyncio.wait({listening, standby}, return_when=asyncio.FIRST_COMPLETED)
                if listening.done():
                    listening.result()
            finally:
                listening.cancel()
                standby.cancel()
                await asyncio.gather(listening, standby, return_exceptions=True)

    async def _listen_to_devices(self, port: int) -> None:
        pool = await open_pool(self._options.database_url, max_size=4)
        app = make_device_app(self._inbox, _token_hashes(pool), self._now, is_writer=self._is_writer.is_set)
        config = uvicorn.Config(
            app,
            host=self._options.http_host,
            port=port,
            http=PatientProtocol,
            ws="none",
            log_config=None,
            access_log=False,
            lifespan="off",
        )
        try:
            await uvicorn.Server(config).serve()
        finally:
            await pool.close()


def _token_hashes(pool: Pool) -> TokenHashOf:
    principal = process_principal("ingest")

    async def token_hash_of(name: str) -> bytes | None:
        async with borrowed(pool) as connection:
            found = await devices_named(connection, principal, [name])
        return found[0].token_hash if found and found[0].status == "active" else None

    return token_hash_of
