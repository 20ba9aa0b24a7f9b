"""Clients that send their requests a byte at a time: uvicorn waits for them for ever, this does not."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_TOO_SLOW = b"The request took too long to arrive."
_TOO_LONG = b"The request's headers are too long."


class PatientProtocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, for `uvicorn.Config(http=…)`, with an end to its patience.

    A connection is closed (408) when a request's headers are not complete so many seconds after it was opened
    or the request began, or the body so many after that; and (431) when the headers are too long.
    How long an answer takes is not limited by this.
    """

    headers_within_s = 10.0
    body_within_s = 60.0
    most_header_bytes = 64 * 1024

    _deadline: asyncio.TimerHandle | None = None
    _header_bytes: int | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect the first request's headers."""
        super().connection_made(transport)
        self._header_bytes = 0
        self._expect_within(self.headers_within_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._expect_within(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in what came, and see that headers do not go on for ever."""
        if self._header_bytes is not None:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._header_bytes is not None and self._header_bytes > self.most_header_bytes:
            self._refuse(b"431 Request Header Fields Too Large", _TOO_LONG)

    def on_message_begin(self) -> None:
        """Expect the headers of a request."""
        super().on_message_begin()
        self._header_bytes = self._header_bytes or 0
        if self._deadline is None:
            self._expect_within(self.headers_within_s)

    def on_headers_complete(self) -> None:
        """Expect the body."""
        self._header_bytes = None
        self._expect_within(self.body_within_s)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The whole request is there."""
        self._expect_within(None)
        super().on_message_complete()

    def _expect_within(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None
        if seconds is not None:
            self._deadline = self.loop.call_later(seconds, self._refuse, b"408 Request Timeout", _TOO_SLOW)

    def _refuse(self, status: bytes, sentence: bytes) -> None:
        """Close the connection, with an answer where none has begun."""
        if self.transport.is_closing():
            return
        cycle: Any = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self.transport.write(
                b"HTTP/1.1 %s\r\ncontent-type: text/plain; charset=utf-8\r\n"
                b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (status, len(sentence), sentence)
            )
        self.transport.close()
