"""paho with buffers on its socket.

paho asks the socket for a packet in three or four small pieces and sends every acknowledgement by itself:
five system calls a message, which is most of what receiving costs. Its own websocket transport shows the
seam: what `_create_socket` returns need only look like a socket.
"""

from __future__ import annotations

import socket
import ssl
from typing import Any

import paho.mqtt.client as mqtt

RECEIVE_BYTES = 256 * 1024


class BufferedSocket:
    """Reads ahead and sends together; `sock` is a connected, later non-blocking, plain or TLS socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._received = b""
        self._taken = 0
        self._unsent = bytearray()

    @property
    def has_received(self) -> bool:
        """Whether bytes wait here, or in TLS, that the operating system will not announce again."""
        if self._taken < len(self._received):
            return True
        return isinstance(self._sock, ssl.SSLSocket) and self._sock.pending() > 0

    @property
    def has_unsent(self) -> bool:
        """Whether bytes wait to be sent."""
        return bool(self._unsent)

    def recv(self, size: int) -> bytes:
        """Up to `size` bytes; empty at the end of the stream.

        Raises BlockingIOError, or TLS's own such error, when there are none yet.
        """
        if self._taken >= len(self._received):
            self._received, self._taken = self._sock.recv(RECEIVE_BYTES), 0
        part = self._received[self._taken : self._taken + size]
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
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            del self._unsent[:sent]

    def fileno(self) -> int:
        """The socket's number, for the event loop; -1 once closed."""
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        """As on a socket."""
        self._sock.setblocking(flag)

    def close(self) -> None:
        """Close the socket; what was not flushed is not sent."""
        self._sock.close()


class BufferedClient(mqtt.Client):
    """A paho client for an outside event loop, which calls `flush` after `loop_write`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The pair only wakes paho's own loop, which is not used, at one system call a packet.
        for end in (self._sockpairR, self._sockpairW):
            if end is not None:
                end.close()
        self._sockpairR = self._sockpairW = None

    def _create_socket(self) -> Any:
        return BufferedSocket(super()._create_socket())  # type: ignore[arg-type]
