"""Follows the `change` stream once for the whole process and wakes the event streams it concerns."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from datetime import datetime

import structlog

from api.metrics import ApiMetrics
from store import changes, public_ids
from store.border import borrowed, translated
from store.changes import Change, ChangeKind, Cursor
from store.errors import StoreError
from store.pool import Pool
from store.public_ids import Noun

# A nudge can come before its change may be read (an older transaction still runs); this bounds the wait.
POLL_S = 0.5
RETRY_S = 1.0

# What the ids of a change of each kind name; the other kinds are for ingest alone.
NOUN_OF: dict[ChangeKind, Noun] = {
    "position": "vehicle",
    "crossing": "vehicle",
    "order": "order",
    "eta": "trip",
    "alert": "alert",
    "geofence": "geofence",
    "trip": "trip",
    "assignment": "device",
    "device": "device",
    "vehicle": "vehicle",
}

Key = tuple[Noun, int]
"""A thing by noun and internal id."""

_log = structlog.get_logger(__name__)


class Subscription:
    """One event stream's ear: woken, never queued for, so a slow reader costs nothing and sees the newest."""

    def __init__(self) -> None:
        self.keys: frozenset[Key] = frozenset()
        self.closed = False
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Say that something happened."""
        self._woken.set()

    def settle(self) -> None:
        """Forget what happened so far: call it before reading, so that nothing falls in between."""
        self._woken.clear()

    async def news(self, timeout_s: float) -> bool:
        """Wait until something happened; False when nothing did for `timeout_s` seconds."""
        try:
            await asyncio.wait_for(self._woken.wait(), timeout_s)
        except TimeoutError:
            return False
        return True


class Gatherer(Subscription):
    """An ear that also keeps which things were touched, each once, until they are taken."""

    def __init__(self) -> None:
        super().__init__()
        self._touched: dict[Noun, set[int]] = defaultdict(set)

    def touch(self, noun: Noun, ids: Iterable[int]) -> None:
        """Keep that these things were touched."""
        self._touched[noun].update(ids)

    def take(self) -> dict[Noun, set[int]]:
        """What was touched since the last time, by noun and internal id; everything from now on is news."""
        self.settle()
        taken, self._touched = self._touched, defaultdict(set)
        return taken


class ChangeHub:
    """The process's one follower of changes; a change costs as much as the streams it wakes."""

    def __init__(
        self, database_url: str, pool: Pool, metrics: ApiMetrics, clock: Callable[[], datetime]
    ) -> None:
        self._database_url = database_url
        self._pool = pool
        self._metrics = metrics
        self._clock = clock
        self._cursor = Cursor(0, 0)
        self._by_key: dict[Key, set[Subscription]] = defaultdict(set)
        self._to_everything: set[Subscription] = set()
        self._gatherers: set[Gatherer] = set()
        self._subscriptions: set[Subscription] = set()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def cursor(self) -> Cursor:
        """Everything up to here has been told."""
        return self._cursor

    async def start(self) -> None:
        """Begin to follow, from now on; Unavailable when the database cannot be reached."""
        async with borrowed(self._pool) as connection:
            self._cursor = await changes.newest_cursor(connection)
        self._task = asyncio.create_task(self._follow_for_ever(), name="follow changes")

    async def stop(self) -> None:
        """End every stream and stop following."""
        self.end_streams()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def end_streams(self) -> None:
        """Ask every stream to end, those still to come too."""
        self._closing = True
        for subscription in self._subscriptions:
            subscription.closed = True
            subscription.wake()

    @contextmanager
    def subscription(self, *, to_everything: bool = False) -> Iterator[Subscription]:
        """An ear for the time of the body, deaf until `listen_to` unless it is `to_everything`."""
        subscription = Subscription()
        subscription.closed = self._closing
        self._subscriptions.add(subscription)
        if to_everything:
            self._to_everything.add(subscription)
        try:
            yield subscription
        finally:
            self.listen_to(subscription, ())
            self._to_everything.discard(subscription)
            self._subscriptions.discard(subscription)

    @contextmanager
    def gathering(self) -> Iterator[Gatherer]:
        """An ear that keeps what was touched, for the time of the body."""
        gatherer = Gatherer()
        gatherer.closed = self._closing
        self._subscriptions.add(gatherer)
        self._gatherers.add(gatherer)
        try:
            yield gatherer
        finally:
            self._gatherers.discard(gatherer)
            self._subscriptions.discard(gatherer)

    def listen_to(self, subscription: Subscription, keys: Iterable[Key]) -> bool:
        """Wake the subscription for exactly these things; True when some of them are new to it."""
        wanted = frozenset(keys)
        added, dropped = wanted - subscription.keys, subscription.keys - wanted
        for key in added:
            self._by_key[key].add(subscription)
        for key in dropped:
            self._by_key[key].discard(subscription)
            if not self._by_key[key]:
                del self._by_key[key]
        subscription.keys = wanted
        return bool(added)

    async def _follow_for_ever(self) -> None:
        while True:
            try:
                await self._follow()
            except StoreError as exc:
                _log.warning("changes_unavailable", reason=str(exc))
            except Exception:
                # Streams would go silent without a word if the follower ended.
                _log.exception("following_changes_failed")
            await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        # A generator left to the garbage collector would keep its connection for a while.
        async with aclosing(changes.follow(self._database_url, self._cursor, poll_s=POLL_S)) as news:
            with translated():
                async for batch in news:
                    if batch:
                        await self._tell(batch)
                        self._cursor = batch[-1].cursor

    async def _tell(self, batch: Sequence[Change]) -> None:
        now = self._clock()
        alert_ids: set[int] = set()
        for change in batch:
            self._metrics.changes.inc()
            self._metrics.change_lag.observe(max((now - change.at).total_seconds(), 0.0))
            noun = NOUN_OF.get(change.kind)
            if noun is None:
                continue
            self._wake((noun, internal_id) for internal_id in change.ids)
            for gatherer in self._gatherers:
                gatherer.touch(noun, change.ids)
                gatherer.wake()
            if noun == "alert":
                alert_ids.update(change.ids)
        if alert_ids and self._by_key:
            async with borrowed(self._pool) as connection:
                order_ids = await public_ids.orders_of_alerts(connection, alert_ids)
            self._wake(("order", order_id) for order_id in order_ids)
        for subscription in self._to_everything:
            subscription.wake()

    def _wake(self, keys: Iterable[Key]) -> None:
        for key in keys:
            for subscription in self._by_key.get(key, ()):
                subscription.wake()
