"""Which messages of a batch are live, and which a device or the network has kept back for a while."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from ingest.messages import Message

LIVE_WITHIN = timedelta(minutes=10)


def live_first(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """The live messages, then the backlog: transactions of their own, since late facts cost a refold.

    A message is backlog when its last fact was older than LIVE_WITHIN on receipt. One that holds no facts,
    or has not been decoded, counts as live. No messages are one empty part.
    """
    live: list[Message] = []
    backlog: list[Message] = []
    for message in messages:
        (backlog if _is_backlog(message) else live).append(message)
    if live or not backlog:
        yield live
    if backlog:
        yield backlog


def _is_backlog(message: Message) -> bool:
    if message.decoded is None:
        return False
    facts = message.decoded[1].facts
    return bool(facts) and message.received_at - facts[-1][1].stamp.device_time > LIVE_WITHIN
