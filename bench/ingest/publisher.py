"""`python -m bench.ingest.publisher`: fills the broker as fast as it takes, or at a steady rate.

A client of its own, smaller than paho, so that publishing costs the measured processes as little as it can:
MQTT 3.1.1, QoS 1, at most WINDOW messages without acknowledgement.
"""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from bench.ingest.world import EVERY_S, SPEED_MPS, Size, arrays, courses, device_name, fixes

WINDOW = 2_000
CONNECT, CONNACK_BYTES, PUBACK_BYTES = 0x10, 4, 4
TIMEOUT_S = 60.0


class Publisher:
    """A connection that publishes and counts acknowledgements."""

    def __init__(self, url: str, client_id: str) -> None:
        address = urlsplit(url)
        self._socket = socket.create_connection((address.hostname or "", address.port or 1883), TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        user, password = unquote(address.username or ""), unquote(address.password or "")
        body = _text("MQTT") + bytes([4, 0xC2]) + struct.pack(">H", 0)
        body += _text(client_id) + _text(user) + _text(password)
        self._socket.sendall(bytes([CONNECT]) + _length(len(body)) + body)
        answer = self._receive(CONNACK_BYTES)
        if answer[3] != 0:
            raise ConnectionError(f"the broker refuses the benchmark's login (code {answer[3]})")
        self._packet_id = 0
        self._unacknowledged = 0
        self.sent = 0

    def publish(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Publish (topic, payload) and return once all of them are acknowledged."""
        pending = bytearray()
        for topic, payload in messages:
            self._packet_id = self._packet_id % 65_000 + 1
            body = _text(topic) + struct.pack(">H", self._packet_id) + payload
            pending += b"\x32" + _length(len(body)) + body
            self._unacknowledged += 1
            self.sent += 1
            if len(pending) > 32_768:
                self._flush(pending)
        self._flush(pending)
        self._wait_until_below(1)

    def _flush(self, pending: bytearray) -> None:
        self._socket.sendall(pending)
        pending.clear()
        self._wait_until_below(WINDOW)

    def _wait_until_below(self, limit: int) -> None:
        while self._unacknowledged >= limit:
            got = len(self._socket.recv(65_536))
            if got == 0:
                raise ConnectionError("the broker closed the connection")
            whole, rest = divmod(got, PUBACK_BYTES)
            if rest:
                self._receive(PUBACK_BYTES - rest)
                whole += 1
            self._unacknowledged -= whole

    def _receive(self, wanted: int) -> bytes:
        data = b""
        while len(data) < wanted:
            part = self._socket.recv(wanted - len(data))
            if not part:
                raise ConnectionError("the broker closed the connection")
            data += part
        return data


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _length(length: int) -> bytes:
    data = bytearray()
    while True:
        length, low = divmod(length, 128)
        data.append(low | (0x80 if length else 0))
        if not length:
            return bytes(data)


def topics(messages: Iterable[tuple[str, bytes]]) -> Iterable[tuple[str, bytes]]:
    """Device names to their topics."""
    return ((f"zaitu/v1/{name}/gps", payload) for name, payload in messages)


def fill(url: str, size: Size, rounds: range, start_s: float, length: int) -> int:
    """Publish rounds of fixes as fast as the broker takes them; returns the number of messages."""
    publisher = Publisher(url, "bench-publisher")
    of_rounds = fixes(size, rounds, start_s) if length == 1 else arrays(size, rounds, start_s, length)
    publisher.publish(topics(of_rounds))
    return publisher.sent


def steady(url: str, size: Size, rate: int, seconds: float, first_turn: int) -> int:
    """Publish fixes whose time is the moment of sending, `rate` a second."""
    publisher = Publisher(url, "bench-steady")
    ways = courses(size)
    started = time.time()
    sent = 0
    while time.time() - started < seconds:
        due = int((time.time() - started) * rate)
        burst = []
        for number in range(sent, due):
            vehicle = number % len(ways)
            lat, lon = ways[vehicle].at(SPEED_MPS * (EVERY_S * first_turn + time.time() - started))
            payload = f'{{"ts":{time.time_ns() // 1_000_000},"lat":{lat:.6f},"lon":{lon:.6f},"accuracy_m":6}}'
            burst.append((device_name(vehicle), payload.encode()))
        publisher.publish(topics(burst))
        sent = due
        time.sleep(0.005)
    return sent


def main() -> None:
    """fill URL VEHICLES FROM TO START_S LENGTH, or steady URL VEHICLES RATE SECONDS FIRST_TURN."""
    what, url, vehicles, *numbers = sys.argv[1:]
    size = Size(vehicles=int(vehicles))
    if what == "fill":
        first, last, start_s, length = numbers
        sent = fill(url, size, range(int(first), int(last)), float(start_s), int(length))
    else:
        rate, seconds, first_turn = numbers
        sent = steady(url, size, int(rate), float(seconds), int(first_turn))
    sys.stdout.write(f"{sent}\n")


if __name__ == "__main__":
    main()
