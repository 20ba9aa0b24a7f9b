"""Publishing with QoS 1 over paho: a bounded number in flight, every confirmation accounted for."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from simulators.clock import Clock
from simulators.errors import SimulatorError

_WINDOW = 1000
_CONNECT_TIMEOUT_S = 10.0
_PATIENCE_S = 120.0

Token = TypeVar("Token")


class Connections(StrEnum):
    """One connection for all devices, as a gateway has, or one for each device."""

    SHARED = "shared"
    PER_DEVICE = "per-device"


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and who we are, from a URL such as mqtt://user:password@host:1883."""

    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None

    @classmethod
    def parse(cls, url: str) -> BrokerAddress:
        """Read an mqtt:// or mqtts:// URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise SimulatorError("the broker's address must look like mqtt://user:password@host:1883")
        tls = parts.scheme == "mqtts"
        user = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        return cls(parts.hostname, parts.port or (8883 if tls else 1883), tls, user, password)


class _Signals(NamedTuple):
    """What network threads tell the sending thread: room for another message, something was confirmed."""

    room: threading.Semaphore
    news: threading.Event


class _Connection:
    """One paho client; callbacks only append, all counting is done by the sending thread."""

    def __init__(
        self, address: BrokerAddress, client_id: str, signals: _Signals, listen_to: str | None
    ) -> None:
        self._address = address
        self._confirmed: deque[int] = deque()
        self._answered = threading.Event()
        self._refusal: str | None = None
        self._signals = signals
        self._listen_to = listen_to
        self._heard: deque[tuple[str, bytes]] = deque()
        self._connects, self._connects_told = 0, 1
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv311)
        # No limit of paho's own: with one it looks through all messages in flight at each confirmation.
        self._client.max_inflight_messages_set(0)
        self._client.username_pw_set(address.user, address.password)
        if address.tls:
            self._client.tls_set()
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message

    def _on_connect(
        self, client: mqtt.Client, userdata: Any, flags: Any, reason_code: ReasonCode, properties: Any
    ) -> None:
        self._refusal = str(reason_code) if reason_code.is_failure else None
        if not reason_code.is_failure:
            self._connects += 1
            if self._listen_to is not None:
                client.subscribe(self._listen_to, qos=1)
        self._answered.set()

    def _on_publish(
        self, client: mqtt.Client, userdata: Any, mid: int, reason_code: ReasonCode, properties: Any
    ) -> None:
        self._confirmed.append(mid)
        self._signals.room.release()
        self._signals.news.set()

    def _on_message(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        self._heard.append((message.topic, bytes(message.payload)))
        self._signals.news.set()

    def open(self) -> None:
        """Connect and wait for the broker's answer."""
        where = f"{self._address.host}:{self._address.port}"
        try:
            self._client.connect(self._address.host, self._address.port, keepalive=30)
        except OSError as exc:
            raise SimulatorError(f"no broker answers at {where}: start it, or correct the URL") from exc
        self._client.loop_start()
        if not self._answered.wait(_CONNECT_TIMEOUT_S):
            self.close()
            raise SimulatorError(f"{where} accepts connections but does not answer MQTT")
        if self._refusal is not None:
            self.close()
            raise SimulatorError(f"the broker at {where} said {self._refusal}: check user and password")

    def publish(self, topic: str, payload: bytes) -> int:
        """Hand a message over; its number comes back through `confirmed`. While offline, paho keeps it."""
        return self._client.publish(topic, payload, qos=1).mid

    def confirmed(self) -> list[int]:
        """Numbers confirmed since the last call."""
        numbers = []
        while self._confirmed:
            numbers.append(self._confirmed.popleft())
        return numbers

    def heard(self) -> list[tuple[str, bytes]]:
        """Messages to the device since the last call, as topic and payload."""
        messages = []
        while self._heard:
            messages.append(self._heard.popleft())
        return messages

    def reconnected(self) -> bool:
        """Whether it connected again since the last call."""
        # The network thread may count on in between: its counter is read once and never written here.
        connects = self._connects
        again, self._connects_told = connects > self._connects_told, max(connects, self._connects_told)
        return again

    def close(self) -> None:
        """Say goodbye and end the network thread."""
        self._client.disconnect()
        self._client.loop_stop()


class Outbox(Generic[Token]):
    """Sends messages and hands back a token for each one the broker confirmed.

    At most 1,000 messages wait for their confirmation; `send` waits for room. Use from one thread. `listen`:
    also hear what the server says to the devices.
    """

    def __init__(
        self, url: str, client_id: str, connections: Connections, clock: Clock, *, listen: bool = False
    ) -> None:
        self._address = BrokerAddress.parse(url)
        self._client_id = client_id
        self._connections = connections
        self._clock = clock
        self._listen = listen
        self._signals = _Signals(threading.Semaphore(_WINDOW), threading.Event())
        self._open: dict[str, _Connection] = {}
        self._waiting: dict[tuple[str, int], Token] = {}

    def __enter__(self) -> Outbox[Token]:
        if self._connections is Connections.SHARED:
            self._connection("")
        return self

    def __exit__(self, *exc_info: object) -> None:
        for connection in self._open.values():
            connection.close()

    def _connection(self, key: str) -> _Connection:
        if key not in self._open:
            client_id = f"{self._client_id}-{key}" if key else self._client_id
            listen_to = f"zaitu/v1/{key or '+'}/cmd" if self._listen else None
            connection = _Connection(self._address, client_id, self._signals, listen_to)
            connection.open()
            self._open[key] = connection
        return self._open[key]

    @property
    def unconfirmed(self) -> int:
        """How many messages the broker has not confirmed yet."""
        return len(self._waiting)

    def send(self, device: str, topic: str, payload: bytes, token: Token) -> bool:
        """Publish with QoS 1 once there is room; False if the run was stopped before there was any.

        SimulatorError when a full window has not moved for two minutes.
        """
        give_up_at = time.monotonic() + _PATIENCE_S
        while not self._signals.room.acquire(timeout=0.2):
            if self._clock.stopped:
                return False
            if time.monotonic() > give_up_at:
                raise SimulatorError("the broker has confirmed nothing for two minutes: is it running?")
        key = "" if self._connections is Connections.SHARED else device
        mid = self._connection(key).publish(topic, payload)
        self._waiting[key, mid] = token
        return True

    def collect(self) -> list[Token]:
        """Tokens of the messages confirmed since the last call."""
        return [
            self._waiting.pop((key, mid))
            for key, connection in self._open.items()
            for mid in connection.confirmed()
        ]

    def heard(self) -> list[tuple[str, bytes]]:
        """What devices were told since the last call, as topic and payload; nothing unless it listens."""
        return [told for connection in self._open.values() for told in connection.heard()]

    def reconnected(self) -> bool:
        """Whether any connection was made again since the last call."""
        again = [connection.reconnected() for connection in self._open.values()]
        return any(again)

    def wait(self, seconds: float) -> None:
        """Wait at most this long for something to be confirmed or heard."""
        self._signals.news.wait(seconds)
        self._signals.news.clear()

    def drain(self, seconds: float) -> list[Token]:
        """Wait at most this long until everything is confirmed; tokens of what was."""
        deadline = time.monotonic() + seconds
        tokens = self.collect()
        while self._waiting and (left_s := deadline - time.monotonic()) > 0:
            self._signals.news.wait(left_s)
            self._signals.news.clear()
            tokens += self.collect()
        return tokens
