"""paho with buffers on its socket, and without its cost for each message.

paho asks the socket for a packet in three or four small pieces, wraps each message in objects and locks, and
sends every acknowledgement by itself. Its own websocket transport shows the seam: what `_create_socket`
returns need only look like a socket. So bytes are read ahead; messages are taken straight out of them, and
everything else is left to paho, which finds it in the buffer.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode

from ingest.publish_packets import Take, take_messages, whole_packet_end

RECEIVE_BYTES = 256 * 1024
PUBACK = 0x4002
_NOTHING_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class BufferedSocket:
    """Reads ahead and sends together; `sock` is a connected, later non-blocking, plain or TLS socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._received = b""
        self._taken = 0
        self._shown = 0
        self._broken: OSError | None = None
        self._ended = False
        self._unsent = bytearray()

    @property
    def has_unsent(self) -> bool:
        """Whether bytes wait to be sent."""
        return bool(self._unsent)

    def fill(self) -> bool:
        """Read what the operating system has, up to RECEIVE_BYTES; False when there was nothing.

        The end of the stream, and what broke it, shows in `recv`.
        """
        try:
            data = self._sock.recv(RECEIVE_BYTES)
            # What TLS has unpacked already, the operating system does not announce again.
            while data and isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
                data += self._sock.recv(RECEIVE_BYTES)
        except _NOTHING_YET:
            return False
        except OSError as exc:
            self._broken = exc
            return True
        self._ended = not data
        self._received = self._received[self._taken :] + data
        self._taken = self._shown = 0
        return True

    def take_messages(self, take: Take) -> None:
        """Hand out the messages that the buffer begins with."""
        self._taken = take_messages(self._received, self._taken, take)

    def show_other(self) -> bool:
        """Let `recv` give what begins the buffer and is for paho; False when there is no such thing.

        That is one packet and no more: while answers of ours are under way, paho reads on for as long as it
        finds something, and would swallow the messages behind it. Or it is the end of the connection.
        """
        self._shown = whole_packet_end(self._received, self._taken)
        return self._shown > self._taken or self._ended or self._broken is not None

    def recv(self, size: int) -> bytes:
        """Up to `size` bytes of the packet shown; empty at the end of the stream.

        Raises BlockingIOError when there are none, and the OSError that broke the connection.
        """
        if self._taken >= self._shown:
            if self._broken is not None:
                raise self._broken
            if self._ended:
                return b""
            raise BlockingIOError
        part = self._received[self._taken : min(self._taken + size, self._shown)]
        self._taken += len(part)
        return part

    def send(self, data: bytes) -> int:
        """Take bytes to be sent by the next `flush`."""
        self._unsent += data
        return len(data)

    def flush(self) -> None:
        """Send what the operating system takes now; OSError when the connection is gone."""
        while self._unsent:
            try:
                sent = self._sock.send(self._unsent)
            except _NOTHING_YET:
                return
            del self._unsent[:sent]

    def fileno(self) -> int:
        """The socket's number, for the event loop; -1 once closed."""
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        """As on a socket."""
        self._sock.setblocking(flag)

    def close(self) -> None:
        """Close the socket, after sending what the operating system takes now.

        paho closes it as soon as it has handed over its farewell: acknowledgements may wait before that.
        """
        with suppress(OSError):
            self.flush()
        self._sock.close()


class BufferedClient(mqtt.Client):
    """A paho client for an outside event loop, which calls `read`, and `flush` after `loop_write`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The pair only wakes paho's own loop, which is not used, at one system call a packet.
        for end in (self._sockpairR, self._sockpairW):
            if end is not None:
                end.close()
        self._sockpairR = self._sockpairW = None

    def read(self, take: Take) -> None:
        """Read from the socket once; messages go to `take`, other packets to paho's callbacks."""
        connection = self.socket()
        if not isinstance(connection, BufferedSocket):
            return
        if connection.fill():
            connection.take_messages(take)
        while connection.show_other():
            # An error closes the socket and calls on_disconnect.
            if self.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS or self.socket() is not connection:
                return
            connection.take_messages(take)

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Send the PUBACK of each message, in this order, with the next `flush`."""
        connection = self.socket()
        if packet_ids and isinstance(connection, BufferedSocket):
            words = [word for packet_id in packet_ids for word in (PUBACK, packet_id)]
            connection.send(struct.pack(f">{len(words)}H", *words))
            self._call_socket_register_write()

    def excuse_silence(self) -> None:
        """Do not take the broker for dead: an answer to a ping may wait among what is not read yet."""
        self._ping_t = 0.0

    def _create_socket(self) -> Any:
        return BufferedSocket(super()._create_socket())  # type: ignore[arg-type]
