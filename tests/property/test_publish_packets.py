"""Messages are cut out of the byte stream whole, wherever the network divides it."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from ingest.buffered_client import BufferedSocket
from ingest.publish_packets import take_messages

Message = tuple[bytes, bytes, int, bool]
PINGRESP, PUBACK = b"\xd0\x00", b"\x40\x02\x00\x07"
QOS_2_PUBLISH = b"\x34\x07\x00\x01t\x00\x09ab"

messages = st.tuples(
    st.binary(min_size=1, max_size=40),
    st.binary(max_size=40) | st.integers(100, 9_000).map(bytes),
    st.integers(0, 65_535),
    st.booleans(),
)


def packet(message: Message) -> bytes:
    topic, payload, packet_id, redelivered = message
    body = struct.pack(">H", len(topic)) + topic
    if packet_id:
        body += struct.pack(">H", packet_id)
    body += payload
    header = 0x30 | (0x02 if packet_id else 0) | (0x08 if redelivered else 0)
    return bytes([header]) + remaining_length(len(body)) + body


def remaining_length(length: int) -> bytes:
    data = bytearray()
    while True:
        length, low = divmod(length, 128)
        data.append(low | (0x80 if length else 0))
        if not length:
            return bytes(data)


@given(st.lists(messages | st.sampled_from([PINGRESP, PUBACK, QOS_2_PUBLISH]), max_size=12), st.data())
def test_a_divided_stream_gives_the_same_messages_and_leaves_the_other_packets_to_paho(
    packets: list[Message | bytes], data: st.DataObject
) -> None:
    stream = b"".join(item if isinstance(item, bytes) else packet(item) for item in packets)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted))
    taken: list[Message] = []
    others: list[bytes] = []

    broker, ours = socket.socketpair()
    ours.setblocking(False)
    connection = BufferedSocket(ours)
    with broker, ours:
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            broker.sendall(stream[start:end])
            while connection.fill():
                connection.take_messages(lambda *message: taken.append(message))
                while connection.show_other():
                    others.append(paho_reads(connection))
                    connection.take_messages(lambda *message: taken.append(message))

    assert taken == [item for item in packets if not isinstance(item, bytes)]
    assert others == [item for item in packets if isinstance(item, bytes)]


def paho_reads(connection: BufferedSocket) -> bytes:
    """As paho with answers of ours under way: on and on, until there is nothing more."""
    read = b""
    with suppress(BlockingIOError):
        while True:
            read += connection.recv(3)
    return read


@given(st.binary(max_size=60))
def test_whatever_comes_the_buffer_is_never_read_beyond_its_end(data: bytes) -> None:
    taken: list[Message] = []
    end = take_messages(data, 0, lambda *message: taken.append(message))

    assert 0 <= end <= len(data)
    assert sum(len(topic) + len(payload) for topic, payload, _, _ in taken) <= end
