"""Commits batches on one connection: what changed about the fleet and the messages, in one transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

import structlog

from domain.access import process_principal
from domain.facts import REFOLD_HORIZON
from ingest.backlog import live_first
from ingest.batch import Batch
from ingest.clocks import DeviceClocks
from ingest.context import IngestContext, LastFixes
from ingest.decoding import decode_ahead, reject_whole
from ingest.engine import ENGINE_VERSION, Engine
from ingest.fleet import Fleet, Refold
from ingest.messages import Message
from ingest.numberings import Numberings
from ingest.pipeline import Step, run_steps
from ingest.rework import retry_rejected, rework_quarantine
from store import crossings, facts
from store.border import is_away
from store.cipher import Cipher
from store.pool import Connection
from store.unit_of_work import unit_of_work

log = structlog.get_logger(__name__)
REFOLDS_A_BATCH = 50


class Committer:
    """The pipeline bound to one connection; another connection needs another committer.

    Its knowledge of the fleet and the fold is a cache of what the connection's database says: throw it away
    whenever a commit may have failed.
    """

    def __init__(self, context: IngestContext, now: Callable[[], datetime]) -> None:
        self._context = context
        self._now = now
        self._set_apart_waits = self._rejected_waits = True

    @classmethod
    async def on(
        cls, connection: Connection, cipher: Cipher, now: Callable[[], datetime], *, enrols: bool = False
    ) -> Committer:
        """Read what must be known before the first batch."""
        principal = process_principal("ingest")
        fleet = Fleet(principal)
        clocks = DeviceClocks()
        async with unit_of_work(connection) as work:
            await fleet.load(connection, now())
            await clocks.load(connection, principal)
        context = IngestContext(
            connection=connection,
            principal=principal,
            fleet=fleet,
            engine=Engine(fleet),
            cipher=cipher,
            last_fixes=LastFixes(),
            numberings=Numberings(),
            clocks=clocks,
            refold=Refold(earliest=now() - REFOLD_HORIZON),
            work=work,
            enrols=enrols,
        )
        return cls(context, now)

    async def commit(self, messages: Sequence[Message]) -> AsyncIterator[Batch]:
        """Commit messages, yielding each batch once it is committed: live messages first, then the backlog.

        Where a batch fails with the database there, it is divided until the message at fault is alone; that
        one is rejected. Without messages, only changes of the fleet are worked in.
        Errors of the connection pass through: what was not yielded may or may not be committed.
        """
        for message in messages:
            if message.decoded is None:
                self.decode_ahead(message)
        for part in live_first(messages):
            async for batch in self._commit_or_divide(part):
                yield batch

    async def _commit_or_divide(self, messages: Sequence[Message]) -> AsyncIterator[Batch]:
        await self._give_second_chances()
        try:
            batch = await self._commit(messages)
        except Exception as exc:
            self._forget()
            if not messages or is_away(exc):
                raise
            log.warning("batch_refused", messages=len(messages), error=type(exc).__name__)
            if len(messages) == 1:
                yield await self._reject(messages[0], exc)
                return
        else:
            yield batch
            return
        middle = len(messages) // 2
        for part in (messages[:middle], messages[middle:]):
            async for batch in self._commit_or_divide(part):
                yield batch

    def decode_ahead(self, message: Message) -> None:
        """Decode a message that will be committed later."""
        decode_ahead(message, self._context.fleet)

    async def keep_checkpoints(self) -> int:
        """Keep the fold's state, so that the next start need not fold again; returns of how many vehicles."""
        checkpoints = self._context.engine.checkpoints()
        async with unit_of_work(self._context.connection) as work:
            await crossings.keep_checkpoints(work.connection, checkpoints, engine_version=ENGINE_VERSION)
        return len(checkpoints)

    async def _give_second_chances(self) -> None:
        """Work in what a corrected clock or a request to retry makes usable, in transactions of its own."""
        if self._set_apart_waits:
            batch = await self._rework(rework_quarantine)
            settled_at = self._context.clocks.settled_at
            settled = settled_at is None or self._now() > settled_at
            self._set_apart_waits = batch is not None and (bool(batch.messages) or not settled)
        if self._rejected_waits:
            batch = await self._rework(retry_rejected)
            self._rejected_waits = batch is not None and bool(batch.messages)

    async def _rework(self, steps: Step) -> Batch | None:
        """Run the steps of a second chance; None when that failed: it waits for another reason to try."""
        name = getattr(steps, "__name__", "")
        try:
            batch = await self._commit([], steps)
        except Exception as exc:
            self._forget()
            if is_away(exc):
                raise
            log.error("second_chance_failed", steps=name, error=type(exc).__name__)
            return None
        if batch.messages:
            stored = sum(outcome.stored for outcome in batch.outcomes)
            log.info("second_chance", steps=name, payloads=len(batch.messages), stored=stored)
        return batch

    def _forget(self) -> None:
        self._context.engine.forget_all()
        self._context.last_fixes.forget()
        self._context.numberings.forget()

    async def _commit(self, messages: Sequence[Message], steps: Step = run_steps) -> Batch:
        context = self._context
        async with unit_of_work(context.connection) as work:
            context.work = work
            await self._take_in_changes()
            batch = Batch(messages, self._now(), refold=context.refold.some(REFOLDS_A_BATCH))
            await steps(batch, context)
            if context.refold.since.keys() <= batch.moved_vehicles:
                await context.fleet.save_cursor(context.connection)
        context.last_fixes.commit(batch.fixes)
        context.refold.done(batch.moved_vehicles)
        return batch

    async def _take_in_changes(self) -> None:
        context = self._context
        fences = context.fleet.fences
        context.refold.merge(await context.fleet.refresh(context.connection, self._now()))
        if "clock" in context.fleet.heard:
            await context.clocks.load(context.connection, context.principal)
            self._set_apart_waits = True
        if "rejected" in context.fleet.heard:
            self._rejected_waits = True
        if context.fleet.fences is not fences:
            context.engine.replace_fences(context.fleet.fences)

    async def _reject(self, message: Message, exc: Exception) -> Batch:
        """Keep a message that passed every check and still cannot be stored, and say so loudly."""
        # The error's own words may quote what the message held.
        log.error("message_unusable", topic=message.topic, error=type(exc).__name__)
        batch = Batch([message], self._now())
        detail = f"passed every check, but cannot be stored: {type(exc).__name__}"
        reject_whole(batch, self._context, 0, "unusable", detail)
        async with unit_of_work(self._context.connection) as work:
            await facts.reject(work.connection, batch.rejected)
        return batch
