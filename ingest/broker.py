"""The MQTT side: a persistent session whose messages are acknowledged only after their commit.

Everything here runs on the event loop's thread: paho's socket is read and written by the loop, so there is no
network thread that could die unseen, and acknowledgements leave in the order the messages came.

A packet id means something only on the connection it came over: after a reconnect the broker may use it for
another message. So every message carries the generation of its connection, and an acknowledgement for another
generation is not sent; the broker delivers that message again, and it is found to be a duplicate.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from ingest.buffered_client import BufferedClient, BufferedSocket
from ingest.errors import BrokerRefused
from ingest.inbox import Inbox
from ingest.messages import DOWNLINK_FORM, TOPIC_FILTER, BrokerReceipt, Message

log = structlog.get_logger(__name__)
KEEPALIVE_S = 60
RECONNECT_S = (0.2, 5.0)
MAX_UNDER_WAY = 1_000
QUEUE_TOPIC = "$SYS/broker/store/messages/count"
"""Where Mosquitto says how many messages it holds for all its clients; other brokers say nothing there."""
_BAD_LOGIN = frozenset({"Bad user name or password", "Not authorized", "Client identifier not valid"})


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and who we are to it."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: bool

    def __str__(self) -> str:
        """The URL without the password."""
        scheme = "mqtts" if self.tls else "mqtt"
        user = f"{quote(self.username)}@" if self.username else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{user}{host}:{self.port}"

    @classmethod
    def parse(cls, url: str) -> BrokerAddress:
        """Read `mqtt://user:password@host:port` (or mqtts); ValueError for anything else."""
        parts = urlsplit(url)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise ValueError("the broker's address must look like mqtt://user:password@host:1883")
        tls = parts.scheme == "mqtts"
        return cls(
            host=parts.hostname,
            port=parts.port or (8883 if tls else 1883),
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            tls=tls,
        )


class BrokerListener:
    """Receives every device's messages into the inbox, and acknowledges them when told.

    `on_new_session` is called when the broker did not know the session yet, `on_queue` with how many messages
    the broker says it holds.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        inbox: Inbox,
        now: Callable[[], datetime],
        on_new_session: Callable[[], None] = lambda: None,
        on_queue: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._address = address
        self._inbox = inbox
        self._now = now
        self._on_new_session = on_new_session
        self._on_queue = on_queue
        self._loop = asyncio.get_running_loop()
        self._closed = asyncio.Event()
        self._failure: BaseException | None = None
        self._socket: BufferedSocket | None = None
        self._paused = False
        self._leaving = False
        self._read_at = now()
        inbox.on_room = self._read_on
        self.generation = 0
        self.unacknowledged = 0
        self.connected = False
        self._session_is_new = False
        self._client = self._make_client(client_id)

    async def run(self) -> None:
        """Stay connected until cancelled; reconnects with growing pauses.

        Raises BrokerRefused when the broker refuses the login, and whatever a callback raised.
        """
        pause_s = RECONNECT_S[0]
        try:
            while True:
                if await self._connect():
                    pause_s = RECONNECT_S[0]
                    await self._stay()
                if self._failure is not None:
                    raise self._failure
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, RECONNECT_S[1])
        finally:
            self._disconnect()

    def acknowledge(self, receipts: Iterable[BrokerReceipt]) -> int:
        """Acknowledge committed messages, in the order given; returns how many could be.

        Messages of an earlier connection are passed over: they will come again.
        """
        if not self.connected:
            return 0
        generation = self.generation
        packet_ids = [receipt.packet_id for receipt in receipts if receipt.generation == generation]
        self._client.acknowledge(packet_ids)
        self.unacknowledged -= len(packet_ids)
        return len(packet_ids)

    def publish(self, topic: str, payload: bytes) -> bool:
        """Publish to a device with QoS 1; False while there is no connection or too much is under way."""
        if not self.connected:
            return False
        return self._client.publish(topic, payload, qos=1).rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    async def _connect(self) -> bool:
        self._closed.clear()
        self._leaving = False
        try:
            await asyncio.to_thread(self._client.connect, self._address.host, self._address.port, KEEPALIVE_S)
        except OSError as exc:
            log.warning("broker_unreachable", mqtt_url=str(self._address), error=str(exc))
            return False
        self._attach()
        return True

    async def _stay(self) -> None:
        """Keep the connection alive until it closes."""
        while not self._closed.is_set():
            if self._paused:
                self._client.excuse_silence()
            if self._client.loop_misc() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                self._detach()
                return
            try:
                await asyncio.wait_for(self._closed.wait(), 1.0)
            except TimeoutError:
                continue

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._leaving = True
            self._client.disconnect()
            self._write()
        self._detach()

    def _attach(self) -> None:
        found = self._client.socket()
        if not isinstance(found, BufferedSocket):
            self._closed.set()
            return
        self._socket = found
        self._loop.add_reader(found, self._read)
        self._loop.add_writer(found, self._write)

    def _detach(self) -> None:
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket = None
        self._paused = False
        self.connected = False
        self._closed.set()

    def _read(self) -> None:
        """Take in what has arrived; stop listening to the socket when enough waits to be committed."""
        self._read_at = self._now()
        try:
            self._client.read(self._take)
        except Exception as exc:
            self._fail(exc)
            return
        if self._inbox.has_enough and self._socket is not None:
            self._paused = True
            self._loop.remove_reader(self._socket)

    def _read_on(self) -> None:
        """There is room again."""
        if self._paused and self._socket is not None:
            self._loop.add_reader(self._socket, self._read)
        self._paused = False

    def _write(self) -> None:
        self._client.loop_write()
        if self._socket is None:
            return
        try:
            self._socket.flush()
        except OSError as exc:
            log.warning("broker_connection_broken", error=str(exc))
            self._detach()
            return
        if not self._socket.has_unsent and not self._client.want_write():
            self._loop.remove_writer(self._socket)

    def _fail(self, exc: BaseException) -> None:
        """A callback failed: the process must end rather than stay connected and deaf."""
        self._failure = exc
        self._detach()

    def _make_client(self, client_id: str) -> BufferedClient:
        client = BufferedClient(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=False,
            protocol=mqtt.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.max_queued_messages_set(MAX_UNDER_WAY)
        client.max_inflight_messages_set(MAX_UNDER_WAY)
        if self._address.username is not None:
            client.username_pw_set(self._address.username, self._address.password)
        if self._address.tls:
            client.tls_set_context(ssl.create_default_context())
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_socket_register_write = self._on_register_write
        client.on_socket_close = self._on_socket_close
        return client

    def _on_connect(
        self,
        client: mqtt.Client,
        _userdata: Any,
        flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        _properties: Any,
    ) -> None:
        if reason.is_failure:
            if str(reason) in _BAD_LOGIN:
                self._failure = BrokerRefused(
                    f"The broker refuses ingest's login ({reason}). Check the user and password in MQTT_URL."
                )
            log.warning("broker_refused", reason=str(reason))
            return
        self.generation += 1
        self.unacknowledged = 0
        self.connected = True
        log.info("broker_connected", session_present=flags.session_present, generation=self.generation)
        client.subscribe([(TOPIC_FILTER, 1), (QUEUE_TOPIC, 0)])
        self._session_is_new = not flags.session_present

    def _on_subscribe(
        self, _client: mqtt.Client, _userdata: Any, _mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        if reasons[0].is_failure:
            self._failure = BrokerRefused(
                f"The broker does not let ingest subscribe to {TOPIC_FILTER}. Let its user read that."
            )
            self._detach()
            return
        log.info("subscribed", topics=TOPIC_FILTER, generation=self.generation)
        if self._session_is_new:
            self._on_new_session()

    def _take(self, topic_bytes: bytes, payload: bytes, packet_id: int, redelivered: bool) -> None:
        """Put a message into the inbox; what we publish ourselves is only acknowledged."""
        topic = _topic_text(topic_bytes)
        if topic.endswith("/cmd") and DOWNLINK_FORM.fullmatch(topic):
            if packet_id:
                self._client.acknowledge([packet_id])
            return
        if topic == QUEUE_TOPIC:
            if payload.isdigit():
                self._on_queue(int(payload))
            return
        receipt = None
        if packet_id:
            receipt = BrokerReceipt(packet_id, self.generation)
            self.unacknowledged += 1
        self._inbox.put(Message(topic, payload, self._read_at, redelivered, receipt))

    def _on_disconnect(
        self, _client: mqtt.Client, _userdata: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        if self._leaving:
            log.info("broker_left")
        else:
            log.warning("broker_disconnected", reason=str(reason))
        self._detach()

    def _on_socket_close(self, _client: mqtt.Client, _userdata: Any, closing: Any) -> None:
        """The last moment at which the loop can be told: after it the socket has no number any more."""
        if closing is self._socket:
            self._detach()

    def _on_register_write(self, _client: mqtt.Client, _userdata: Any, found: Any) -> None:
        # During connect, which runs in a thread, the loop does not know the socket yet; _attach looks again.
        if self._socket is not None and found is self._socket:
            self._loop.add_writer(self._socket, self._write)


@lru_cache(maxsize=65_536)
def _topic_text(topic: bytes) -> str:
    """The topic; bytes that are no UTF-8, which a lax broker might pass on, as an unknown topic."""
    try:
        return topic.decode()
    except UnicodeDecodeError:
        return "(topic is not UTF-8)"
