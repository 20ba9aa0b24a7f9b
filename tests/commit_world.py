"""A committer on a real database at a time that stands, for tests of what a batch of messages becomes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import pytest
from company import Company, payload, utc

from ingest.batch import Batch
from ingest.committer import Committer
from ingest.messages import Message
from store.cipher import Cipher
from store.pool import open_connection

NOW = utc("2026-11-20T12:00:00")
START = utc("2026-11-20T08:00:00")
KEY = bytes(range(32))


@pytest.fixture
async def committer(database_url: str, company: Company) -> AsyncIterator[Committer]:
    connection = await open_connection(database_url)
    yield await Committer.on(connection, Cipher(KEY), lambda: NOW)
    await connection.close()


def message(topic: str, content: Any, received_at: datetime = NOW) -> Message:
    body = content if isinstance(content, bytes) else payload(content)
    return Message(f"zaitu/v1/{topic}", body, received_at)


async def committed(committer: Committer, *messages: Message) -> Batch:
    batches = [batch async for batch in committer.commit(messages)]
    assert len(batches) == 1
    return batches[0]


async def committed_until(committer: Committer, condition: Callable[[], Any]) -> None:
    """Commit empty batches until changes of the fleet have come through.

    A change is read once no older transaction of the whole server is open, and other tests share the server.
    """
    deadline = time.monotonic() + 60.0
    while not condition():
        assert time.monotonic() < deadline, "waited 60 s for a change to come through"
        await committed(committer)
        await asyncio.sleep(0.01)
