"""The benchmark's own servers: a cluster that keeps commit times, two equal brokers, our processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import psutil
import psycopg

from bench.ingest.world import Size, found
from migrations.runner import migrate
from runtime.stack.account import reachable_directory, server_account
from runtime.stack.loopback import free_port
from runtime.stack.mosquitto import Broker
from runtime.stack.postgres import PostgresServer

WAIT_S = 60.0
# Ingest answers with its metrics, on the cores that are measured.
POLL_S = 0.5
TOKEN = "bench-administrator-token-0123456789abcdef"


class Servers:
    """Everything that runs during the benchmark; use it as a context manager."""

    def __init__(self, data_dir: Path, size: Size, say: Callable[[str], None]) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self.directory = reachable_directory(data_dir.resolve() / "bench", server_account())
        self._postgres = PostgresServer(self.directory / "postgres", {"track_commit_timestamp": "on"})
        self.broker = Broker(self.directory / "broker")
        self.bare_broker = Broker(self.directory / "bare-broker")
        self._size = size
        self._say = say
        self._processes: list[subprocess.Popen[bytes]] = []
        self.database_url = ""
        self.metrics_port = self.api_port = 0
        # A client of its own for each question would take more of the processor than the question.
        self._http = httpx.Client()

    def __enter__(self) -> Servers:
        for broker in (self.broker, self.bare_broker):
            if broker.is_running():
                broker.kill()
            shutil.rmtree(broker.directory, ignore_errors=True)
            broker.ensure_running()
        self._postgres.ensure_running()
        self.database_url = self._postgres.make_anew("zaitu_bench")
        migrate(self.database_url)
        self._say(f"founding a company of {self._size.vehicles} vehicles and {self._size.fences} fences")
        found(self.database_url, self._size)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in list(self._processes):
            self.stop(process)
        self.broker.stop()
        self.bare_broker.stop()
        self._postgres.stop()
        self._http.close()

    def start_ingest(self) -> subprocess.Popen[bytes]:
        """Start ingest; returns once it has subscribed."""
        log = self.directory / "ingest.log"
        log.write_text("")
        self.metrics_port = free_port()
        process = self._start(
            ["-m", "ingest"],
            log,
            MQTT_URL=self.broker.url,
            ZAITU_INGEST_METRICS_PORT=str(self.metrics_port),
            ZAITU_DEVICE_HTTP_PORT=str(free_port()),
        )
        wait_until(lambda: _lives(process, log) and "subscribed " in log.read_text(), "ingest's subscription")
        return process

    def connected_at(self) -> datetime:
        """When the broker answered the connection of the ingest started last, by its log."""
        lines = (self.directory / "ingest.log").read_text().splitlines()
        return datetime.fromisoformat(next(line for line in lines if "broker_connected" in line).split()[0])

    def committed_at(self, since: datetime) -> datetime:
        """When the newest transaction that stored fixes since a moment was committed, by the database."""
        found = self.value(
            "select max(pg_xact_commit_timestamp(xmin)) from position where received_at >= %s", since
        )
        assert isinstance(found, datetime)
        return found

    def start_api(self) -> subprocess.Popen[bytes]:
        """Start the API; returns once it is ready."""
        self.api_port, log = free_port(), self.directory / "api.log"
        process = self._start(["-m", "api"], log, ZAITU_API_PORT=str(self.api_port))
        ready = f"http://127.0.0.1:{self.api_port}/ready"
        wait_until(lambda: _lives(process, log) and _answers(ready), "the API")
        return process

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End a process of ours and wait for it."""
        process.send_signal(signal.SIGTERM)
        process.wait(WAIT_S)
        self._processes.remove(process)

    def committed_messages(self) -> int:
        """How many messages ingest has committed since its start, by its own metrics."""
        text = self._http.get(f"http://127.0.0.1:{self.metrics_port}/metrics").text
        marks = 'zaitu_ingest_messages_total{source="mqtt"} '
        return int(
            float(next((line.split()[-1] for line in text.splitlines() if line.startswith(marks)), "0"))
        )

    def value(self, query: str, *parameters: Any) -> Any:
        """The first column of a query's first row."""
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute(query, parameters).fetchone()
        return row[0] if row else None

    def resident_mb(self, process: subprocess.Popen[bytes]) -> float:
        """Resident memory of a process."""
        return float(psutil.Process(process.pid).memory_info().rss) / 1e6

    def cpu_s(self, process: subprocess.Popen[bytes]) -> float:
        """Seconds of CPU a process has used."""
        times = psutil.Process(process.pid).cpu_times()
        return float(times.user + times.system)

    def _start(self, arguments: list[str], log: Path, **settings: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "DATABASE_URL": self.database_url,
            "ZAITU_DATA_DIR": str(self.directory / "data"),
            "ZAITU_ADMIN_TOKEN": TOKEN,
            **settings,
        }
        with log.open("ab") as errors:
            process = subprocess.Popen([sys.executable, *arguments], env=environment, stderr=errors)
        self._processes.append(process)
        return process


def wait_until(condition: Callable[[], Any], what: str, seconds: float = WAIT_S) -> None:
    """Wait for a condition; TimeoutError names what did not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(POLL_S)


def _lives(process: subprocess.Popen[bytes], log: Path) -> bool:
    if process.poll() is not None:
        said = log.read_text().strip().rpartition("\n")[2]
        raise RuntimeError(f"a server ended before it was ready; the last line of {log}: {said}")
    return True


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False
