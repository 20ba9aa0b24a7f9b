"""`python -m bench.ingest.bare`: paho alone, receiving and acknowledging by hand, nothing in between."""

from __future__ import annotations

import sys
import time
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from ingest.messages import TOPIC_FILTER

TIMEOUT_S = 300.0


def receive(url: str, wanted: int, client_id: str) -> tuple[float, float]:
    """Seconds, and seconds of CPU, from the connection to the last of `wanted` messages acknowledged.

    0 wanted: only subscribe.
    """
    address = urlsplit(url)
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id, clean_session=False, protocol=mqtt.MQTTv311, manual_ack=True
    )
    client.username_pw_set(unquote(address.username or ""), unquote(address.password or ""))
    progress = {"received": 0, "subscribed": 0, "started": 0.0, "started_cpu": 0.0}

    def on_connect(*_: Any) -> None:
        progress["started"], progress["started_cpu"] = time.perf_counter(), time.process_time()
        client.subscribe(TOPIC_FILTER, qos=1)

    def on_subscribe(*_: Any) -> None:
        progress["subscribed"] = 1

    def on_message(_client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        client.ack(message.mid, message.qos)
        progress["received"] += 1

    client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
    client.connect(address.hostname or "", address.port or 1883)
    deadline = time.monotonic() + TIMEOUT_S
    while progress["received"] < wanted or not progress["subscribed"]:
        client.loop(1.0)
        if time.monotonic() > deadline:
            raise TimeoutError(f"received {progress['received']} of {wanted}")
    elapsed_s = time.perf_counter() - progress["started"]
    cpu_s = time.process_time() - progress["started_cpu"]
    client.disconnect()
    client.loop(0.1)
    return elapsed_s, cpu_s


if __name__ == "__main__":
    sys.stdout.write("{} {}\n".format(*receive(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
