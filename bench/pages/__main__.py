"""Runs the benchmark and prints its figures: the dispatcher's map with a whole fleet moving."""

from __future__ import annotations

import json
import os
import random
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from playwright.sync_api import sync_playwright

from bench.figures import write
from bench.pages.frames import Frames, recorded
from migrations.runner import migrate
from runtime.settings import load_settings
from runtime.stack.account import reachable_directory, server_account
from runtime.stack.loopback import free_port, wait_until
from runtime.stack.postgres import PostgresServer

WAIT_S = 120.0
CHROMIUM = "/usr/bin/chromium"
SOFTWARE_GL = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-sync"]
DESK = {"width": 1440, "height": 900}
ADMIN_TOKEN = secrets.token_urlsafe(32)
LOGIN = "bench-dispatcher"
PASSWORD = secrets.token_urlsafe(16)
NO_LIMIT = "1000000"
# A fix of each vehicle every so often, spread evenly.
FIX_EVERY_S = 10.0
BATCH_S = 0.2
_FLEET = (Path(__file__).parent / "fleet.sql").read_text(encoding="utf-8")

Say = Callable[[str], None]


def run(
    vehicles: Annotated[int, typer.Option(help="Moving vehicles, all in view.")] = 10_000,
    seconds: Annotated[float, typer.Option(help="Length of each part.")] = 10.0,
    trace: Annotated[bool, typer.Option(help="Also say which threads worked at what.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")] = False,
) -> None:
    """Measure the dispatcher's map in Chromium with software GL: frame times, standing still and dragged."""
    say: Say = partial(typer.echo, err=True)
    with (
        _served(Path(load_settings().data_dir), vehicles, say) as (url, database_url),
        _driving(database_url, vehicles),
    ):
        still, dragged = _watched(url, vehicles, seconds, say)
    figures: dict[str, object] = {"vehicles": vehicles}
    for name, frames in (("still", still), ("dragged", dragged)):
        figures[f"{name}_frame_p50_ms"] = round(frames.median_ms, 1)
        figures[f"{name}_frame_p95_ms"] = round(frames.p95_ms, 1)
        figures[f"{name}_cpu_ms_per_frame"] = {kind: round(ms, 1) for kind, ms in frames.cpu_ms.items()}
        if trace:
            figures[f"{name}_busy_ms_per_s"] = {thread: round(ms) for thread, ms in frames.busy.items()}
            figures[f"{name}_work_ms_per_s"] = {what: round(ms) for what, ms in frames.work.items()}
    write(figures, as_json=as_json)


def _watched(url: str, vehicles: int, seconds: float, say: Say) -> tuple[Frames, Frames]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SOFTWARE_GL)
        page = browser.new_page(viewport=DESK)  # type: ignore[arg-type]
        page.set_default_timeout(1000 * WAIT_S)
        page.goto(f"{url}/signin")
        page.locator("input[autocomplete=username]").fill(LOGIN)
        page.locator("input[autocomplete=current-password]").fill(PASSWORD)
        page.locator("form button[type=submit]").click()
        page.locator(f"[data-vehicles='{vehicles}']").wait_for()
        # The map flies to its fleet, and asks for the box it then shows.
        page.wait_for_timeout(5000)
        say(f"watching {vehicles} vehicles")
        still = recorded(browser, page, seconds, drag=False)
        say("dragging the map")
        dragged = recorded(browser, page, seconds, drag=True)
        browser.close()
    return still, dragged


@contextmanager
def _driving(database_url: str, vehicles: int) -> Iterator[None]:
    """Move the fleet as ingest does, in one transaction a batch, for the time of the body."""
    stop = threading.Event()
    driver = threading.Thread(target=_drive, args=(database_url, vehicles, stop))
    driver.start()
    try:
        yield
    finally:
        stop.set()
        driver.join()


def _drive(database_url: str, vehicles: int, stop: threading.Event) -> None:
    order = random.Random(1).sample(range(1, vehicles + 1), vehicles)
    size = max(1, round(vehicles * BATCH_S / FIX_EVERY_S))
    at, due_s = 0, time.perf_counter()
    with psycopg.connect(database_url, autocommit=True) as connection:
        while not stop.wait(max(0.0, due_s - time.perf_counter())):
            due_s += BATCH_S
            moved = [order[(at + nth) % vehicles] for nth in range(size)]
            at += size
            now = datetime.now(UTC)
            with connection.transaction():
                connection.execute(
                    "update latest_position set device_time = %(now)s, received_at = %(now)s, "
                    "lat = lat + 0.0013 * cosd(heading_deg), lon = lon + 0.0015 * sind(heading_deg) "
                    "where vehicle_id = any(%(moved)s)",
                    {"now": now, "moved": moved},
                )
                connection.execute("insert into change (kind, ids) values ('position', %s)", [moved])
                connection.execute("notify zaitu_change")


@contextmanager
def _served(data_dir: Path, vehicles: int, say: Say) -> Iterator[tuple[str, str]]:
    """A database of the benchmark's own and the API on it: its address and the database's."""
    data_dir.mkdir(parents=True, exist_ok=True)
    directory = reachable_directory(data_dir.resolve() / "bench", server_account())
    postgres = PostgresServer(directory / "postgres", {"track_commit_timestamp": "on"})
    postgres.ensure_running()
    database_url = postgres.make_anew("zaitu_bench_pages")
    migrate(database_url)
    say(f"founding a fleet of {vehicles}")
    with psycopg.connect(database_url) as connection:
        connection.execute(re.sub(r"(?<!:):vehicles\b", str(vehicles), _FLEET).encode())
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "ZAITU_API_PORT": str(port),
        "ZAITU_ADMIN_TOKEN": ADMIN_TOKEN,
        "ZAITU_RATE_PER_ADDRESS": NO_LIMIT,
        "ZAITU_RATE_PER_KEY": NO_LIMIT,
        "ZAITU_LOG_FORMAT": "json",
    }
    with (directory / "pages-api.log").open("wb") as log:
        api = subprocess.Popen([sys.executable, "-m", "api"], env=environment, stderr=log)
        try:
            if not wait_until(lambda: _asked(f"{url}/ready"), WAIT_S):
                raise RuntimeError(f"the API did not become ready: see {directory / 'pages-api.log'}")
            _hire(url)
            yield url, database_url
        finally:
            api.send_signal(signal.SIGTERM)
            api.wait(WAIT_S)
            postgres.stop()


def _hire(url: str) -> None:
    """Somebody to sign in as, who sees the depot."""
    depot = _request(f"{url}/v1/depots")["items"][0]["id"]
    body = {"login": LOGIN, "password": PASSWORD, "role": "dispatcher", "depot_ids": [depot]}
    _request(f"{url}/v1/users", json.dumps(body).encode())


def _request(url: str, body: bytes | None = None) -> Any:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=WAIT_S) as answer:
        return json.load(answer)


def _asked(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    typer.run(run)
