"""Drains of a queue that was filled before: rates, memory, and what was lost or stored twice."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from bench.ingest.servers import Servers, wait_until
from bench.ingest.world import Size, arrays
from domain.facts import Fix, Kind
from ingest.formats.zaitu import decode
from store import facts
from store.pool import open_connection

LONGEST_DRAIN_S = 600.0
ROUNDS_AHEAD_S = 6 * 86_400


class Backlog:
    """Fills the brokers with ever newer fixes and times how they are worked off."""

    def __init__(self, servers: Servers, size: Size, say: Callable[[str], None]) -> None:
        self._servers = servers
        self._size = size
        self._say = say
        self._turn = 0
        self._fixes_sent = 0
        # Far enough back that every round of every part lies in the past, near enough to be folded.
        self._start_s = time.time() - ROUNDS_AHEAD_S
        servers.stop(servers.start_ingest())
        self._subscribe_bare()

    def drained_per_s(self, messages: int, length: int) -> float:
        """Fixes a second from ingest's connection to the last commit, of a queue of `messages` fixes."""
        sent = self._fill(self._servers.broker.simulator_url, messages, length)
        started_at = datetime.now(UTC)
        process = self._servers.start_ingest()
        startup_cpu_s = self._servers.cpu_s(process)
        wait_until(lambda: self._servers.committed_messages() >= sent, "the drain", LONGEST_DRAIN_S)
        # The queue comes with the connection, before the subscription is answered.
        connected_at = self._servers.connected_at()
        elapsed_s = (self._servers.committed_at(started_at) - connected_at).total_seconds()
        startup_s = (connected_at - started_at).total_seconds()
        cpu_s = self._servers.cpu_s(process) - startup_cpu_s
        self._servers.stop(process)
        self._say(
            f"  {sent} messages of {length} in {elapsed_s:.2f} s, {_each(cpu_s, sent)} "
            f"(start-up {startup_s:.2f} s, {startup_cpu_s:.1f} s of CPU)"
        )
        return sent * length / elapsed_s

    def bare_per_s(self, messages: int) -> float:
        """Messages a second that paho alone receives and acknowledges by hand."""
        sent = self._fill(self._servers.bare_broker.simulator_url, messages, 1, count=False)
        said = self._python("bench.ingest.bare", self._servers.bare_broker.url, str(sent), "bare")
        elapsed_s, cpu_s = map(float, said.split())
        self._say(f"  bare paho: {sent} messages in {elapsed_s:.2f} s, {_each(cpu_s, sent)}")
        return sent / elapsed_s

    def decode_and_copy_per_s(self, messages: int) -> float:
        """Fixes a second that decoding and COPY alone manage, in batches of 2,000 messages' fixes."""
        rounds = range(self._turn, self._turn + messages // self._size.vehicles)
        self._turn = rounds.stop
        payloads = list(arrays(self._size, rounds, self._start_s, 20))
        return asyncio.run(_decode_and_copy(self._servers.database_url, payloads))

    def peak_memory_mb(self, messages: int) -> float:
        """The largest resident memory of ingest while it drains a long queue."""
        sent = self._fill(self._servers.broker.simulator_url, messages, 1)
        process = self._servers.start_ingest()
        peaks = []

        def drained() -> bool:
            peaks.append(self._servers.resident_mb(process))
            return self._servers.committed_messages() >= sent

        wait_until(drained, "the drain of the long queue", LONGEST_DRAIN_S)
        self._servers.stop(process)
        tenth = max(len(peaks) // 10, 1)
        self._say(f"  memory: {peaks[tenth]:.0f} MB at a tenth, {peaks[-1]:.0f} MB at the end")
        return max(peaks)

    def count(self, fixes: int) -> None:
        """Note fixes that another part has sent."""
        self._fixes_sent += fixes

    @property
    def turn(self) -> int:
        """The next round of every vehicle's course."""
        return self._turn

    def lost_and_duplicated(self) -> tuple[float, float]:
        """Fixes sent and not stored, and fixes stored more than once."""
        distinct, stored = self._servers.value(
            # Grouped: of `distinct` TimescaleDB makes a million steps through the index.
            "select array[count(*), sum(times)] from "
            "(select count(*) as times from position group by device_id, device_time) as once"
        )
        return float(self._fixes_sent - distinct), float(stored - distinct)

    def _fill(self, url: str, messages: int, length: int, *, count: bool = True) -> int:
        first = self._turn
        last = first + messages // self._size.vehicles
        if count:
            self._turn = last
            self._fixes_sent += (last - first) * self._size.vehicles
        numbers = [str(self._size.vehicles), str(first), str(last), str(self._start_s), str(length)]
        started = time.perf_counter()
        sent = int(self._python("bench.ingest.publisher", "fill", url, *numbers))
        self._say(f"  queued {sent} messages in {time.perf_counter() - started:.1f} s")
        return sent

    def _subscribe_bare(self) -> None:
        self._python("bench.ingest.bare", self._servers.bare_broker.url, "0", "bare")

    def _python(self, module: str, *arguments: str) -> str:
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def _each(cpu_s: float, messages: int) -> str:
    """On a machine that others use, more telling than rates."""
    return f"{cpu_s / messages * 1e6:.0f} µs of CPU a message"


async def _decode_and_copy(database_url: str, payloads: list[tuple[str, bytes]]) -> float:
    connection = await open_connection(database_url)
    await connection.execute("create table if not exists bench_position (like position including all)")
    await connection.execute(
        "select create_hypertable('bench_position', by_range('device_time'), if_not_exists => true)"
    )
    device_ids = {name: number for number, name in enumerate({name for name, _ in payloads})}
    now = datetime.now(UTC)
    started = time.perf_counter()
    stored = 0
    for first in range(0, len(payloads), 100):
        fixes: list[tuple[int, Fix]] = []
        for name, payload in payloads[first : first + 100]:
            for _, fact in decode(Kind.GPS, payload, name, "wgs84", now).facts:
                assert isinstance(fact, Fix)
                fixes.append((device_ids[name], fact))
        records = [facts.position_record(device_id, fix) for device_id, fix in fixes]
        await connection.copy_records_to_table(
            "bench_position", records=records, columns=facts.POSITION_COLUMNS
        )
        stored += len(fixes)
    elapsed_s = time.perf_counter() - started
    await connection.close()
    return stored / elapsed_s
