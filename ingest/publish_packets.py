"""Messages straight out of received bytes: MQTT 3.1.1 PUBLISH packets of QoS 0 and 1.

Only these come by the hundred thousand. Everything else, and whatever is wrong, is left to paho.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

PUBLISH, TYPE_BITS = 0x30, 0xF0
QOS_1_BIT, QOS_2_BIT, DUP_BIT = 0x02, 0x04, 0x08
LONGEST_LENGTH_BYTES = 4

Take = Callable[[bytes, bytes, int, bool], None]
"""Called with topic, payload, packet id (0 for QoS 0) and whether it is a redelivery."""


class Place(NamedTuple):
    """Where a packet's body begins and ends."""

    body: int
    end: int


def take_messages(received: bytes, start: int, take: Take) -> int:
    """Hand out the whole messages at `start` of the received bytes; returns where something else begins."""
    size = len(received)
    while start + 2 <= size:
        header, length, body = received[start], received[start + 1], start + 2
        if header & TYPE_BITS != PUBLISH or header & QOS_2_BIT:
            return start
        if length > 0x7F:
            place = packet_place(received, start)
            if place is None:
                return start
            body, end = place
        else:
            end = body + length
        if end > size or end - body < 2:
            return start
        topic_at = body + 2
        topic_end = topic_at + (received[body] << 8 | received[body + 1])
        payload_at = topic_end + 2 if header & QOS_1_BIT else topic_end
        if payload_at > end or topic_end == topic_at:
            return start
        packet_id = received[topic_end] << 8 | received[topic_end + 1] if header & QOS_1_BIT else 0
        take(
            received[topic_at:topic_end],
            received[payload_at:end],
            packet_id,
            header & DUP_BIT != 0,
        )
        start = end
    return start


def packet_place(received: bytes, start: int) -> Place | None:
    """Where the packet at `start` has its body, if its length can be read; its end may not have come yet."""
    length = 0
    for place in range(LONGEST_LENGTH_BYTES):
        at = start + 1 + place
        if at >= len(received):
            return None
        length |= (received[at] & 0x7F) << 7 * place
        if not received[at] & 0x80:
            return Place(at + 1, at + 1 + length)
    return None


def whole_packet_end(received: bytes, start: int) -> int:
    """Where the packet at `start` ends, or `start` while not all of it is there.

    A packet whose length is malformed ends where the bytes do.
    """
    place = packet_place(received, start)
    if place is None:
        return len(received) if len(received) - start > LONGEST_LENGTH_BYTES else start
    return place.end if place.end <= len(received) else start
