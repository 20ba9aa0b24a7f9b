"""The one writer: takes batches from the inbox through the pipeline, commits, and only then acknowledges."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import takewhile
from typing import Protocol

import structlog

from ingest.batch import Batch
from ingest.committer import Committer
from ingest.inbox import Inbox
from ingest.measures import IngestMeasures
from ingest.messages import BrokerReceipt, Message
from ingest.receipts import ReceiptBook
from store.border import translated
from store.cipher import Cipher
from store.errors import Unavailable
from store.fleet import WRITER_SETTINGS, end_silent_writer, take_writer_lock
from store.pool import Connection, open_connection

log = structlog.get_logger(__name__)
IDLE_S = 0.25
STANDBY_POLL_S = 1.0
RETRY_S = (0.1, 5.0)


def _keep_for_good() -> None:
    """Spare the garbage collector from looking through the fleet and its fences again and again."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


class Acknowledger(Protocol):
    """What the writer needs of the broker's side."""

    def acknowledge(self, receipts: Sequence[BrokerReceipt]) -> int:
        """Acknowledge committed messages of the present connection, in order."""
        ...


class Writer:
    """Holds the one-writer lock on the connection it commits with, and works while it does.

    `on_lock` hears True when this process becomes the writer and False when another has taken over: only
    in between may it be connected to the broker.
    """

    def __init__(
        self,
        database_url: str,
        inbox: Inbox,
        broker: Acknowledger,
        cipher: Cipher,
        measures: IngestMeasures,
        now: Callable[[], datetime],
        on_lock: Callable[[bool], None],
        receipts: ReceiptBook,
        *,
        enrols: bool = False,
    ) -> None:
        self._enrols = enrols
        self._database_url = database_url
        self._inbox = inbox
        self._broker = broker
        self._cipher = cipher
        self._measures = measures
        self._now = now
        self._on_lock = on_lock
        self._receipts = receipts
        self._unfinished: list[Message] = []
        self._writing: bool | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ask `run` to end once the batch under way is committed."""
        self._stopping.set()

    async def run(self) -> None:
        """Become the writer, write until the connection is lost, become it again; until told to stop."""
        while not self._stopping.is_set():
            connection = await self._become_writer()
            if connection is None:
                return
            try:
                with translated():
                    await self._write(connection)
            except Unavailable as exc:
                self._measures.retries.inc()
                log.warning("database_lost", error=str(exc))
            finally:
                connection.terminate()

    async def _become_writer(self) -> Connection | None:
        """A connection that holds the lock; waits while the database is away or another process writes.

        None when told to stop.
        """
        pause_s = RETRY_S[0]
        while not self._stopping.is_set():
            try:
                with translated():
                    connection = await open_connection(self._database_url, WRITER_SETTINGS)
                    if await take_writer_lock(connection):
                        return connection
                    ended = await end_silent_writer(connection)
                    connection.terminate()
                    self._stand_by()
                pause_s = STANDBY_POLL_S
                if ended:
                    log.warning("silent_writer_ended")
                    pause_s = RETRY_S[0]
            except Unavailable as exc:
                log.warning("database_unavailable", error=str(exc))
                pause_s = min(pause_s * 2, RETRY_S[1])
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_s)
        return None

    def _is_writer(self, writing: bool) -> None:
        if writing is not self._writing:
            log.info("writing" if writing else "standing_by")
        self._writing = writing
        self._measures.writer.set(1 if writing else 0)
        self._on_lock(writing)

    def _stand_by(self) -> None:
        """Another process writes: what waits here goes to it through the broker, or back to its sender."""
        self._is_writer(False)
        for message in (*self._unfinished, *self._inbox.empty()):
            if message.waiter is not None and not message.waiter.done():
                message.waiter.set_exception(
                    Unavailable("Another ingest process is the writer now. Send again.")
                )
        self._unfinished = []

    async def _write(self, connection: Connection) -> None:
        """Commit batches until told to stop or the connection is lost, beginning with the one under way."""
        committer = await Committer.on(connection, self._cipher, self._now, enrols=self._enrols)
        _keep_for_good()
        self._inbox.prepare = committer.decode_ahead
        self._is_writer(True)
        while not self._stopping.is_set():
            if not self._unfinished:
                self._unfinished = await self._inbox.next_batch(IDLE_S)
            self._measures.waiting.set(len(self._inbox) + len(self._unfinished))
            done: set[Message] = set()
            async for batch in committer.commit(self._unfinished):
                self._settle(batch)
                done.update(batch.messages)
                self._acknowledge(done)
        log.info("state_kept", vehicles=await committer.keep_checkpoints())

    def _acknowledge(self, done: set[Message]) -> None:
        """Acknowledge what is committed to the broker, up to the first message that is not.

        MQTT wants acknowledgements in the order of receipt. None is sent twice: the broker may use the packet
        id again at once.
        """
        count = sum(1 for _ in takewhile(done.__contains__, self._unfinished))
        first, self._unfinished = self._unfinished[:count], self._unfinished[count:]
        self._broker.acknowledge([message.receipt for message in first if message.receipt is not None])

    def _settle(self, batch: Batch) -> None:
        """After the commit: answer HTTP requests, note what devices are told, count."""
        self._receipts.note(batch)
        now = self._now()
        self._measures.committed(
            batch, [(now - message.received_at).total_seconds() for message in batch.messages]
        )
        for message, outcome in zip(batch.messages, batch.outcomes, strict=True):
            if message.waiter is not None and not message.waiter.done():
                message.waiter.set_result(outcome)
