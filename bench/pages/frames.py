"""Frames of a page: how long each took, and which threads worked at what, from Chromium's own trace."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

import psutil
from playwright.sync_api import Browser, Page

CATEGORIES = ["devtools.timeline", "toplevel", "gpu", "cc", "viz", "v8", "__metadata"]
MOST_NAMED = 8
# Begun at every call and read at the end; the script runs in the page.
RECORD = """seconds => new Promise(done => {
  const times = [];
  const end = performance.now() + seconds * 1000;
  const step = now => { times.push(now); now < end ? requestAnimationFrame(step) : done(times) };
  requestAnimationFrame(step);
})"""


@dataclass(frozen=True)
class Frames:
    """Milliseconds from frame to frame; CPU milliseconds a frame by process of the browser, which depends
    less on what else the machine does; milliseconds a second each thread was busy, and with what.
    """

    median_ms: float
    p95_ms: float
    cpu_ms: dict[str, float]
    busy: dict[str, float]
    work: dict[str, float]


def recorded(browser: Browser, page: Page, seconds: float, *, drag: bool) -> Frames:
    """Record for so long, while nothing is touched or the map is dragged to and fro."""
    before = _cpu_s()
    browser.start_tracing(page=page, categories=CATEGORIES)
    page.evaluate(f"window.recording = ({RECORD})({seconds})")
    if drag:
        _drag(page, seconds)
    times: list[float] = page.evaluate("window.recording")
    spent = {kind: cpu_s - before.get(kind, 0.0) for kind, cpu_s in _cpu_s().items()}
    trace = json.loads(browser.stop_tracing())
    took = [after - before for before, after in pairwise(times)]
    busy, work = _where(trace["traceEvents"], seconds)
    cpu_ms = {kind: 1000 * cpu_s / len(took) for kind, cpu_s in spent.items()}
    return Frames(statistics.median(took), sorted(took)[int(len(took) * 0.95)], cpu_ms, busy, work)


def _cpu_s() -> dict[str, float]:
    """CPU seconds of the page's process, and of the one that stands in for a graphics card."""
    spent: defaultdict[str, float] = defaultdict(float)
    for process in psutil.Process().children(recursive=True):
        kinds = [part.removeprefix("--type=") for part in process.cmdline() if part.startswith("--type=")]
        if kinds and kinds[0] in ("renderer", "gpu-process"):
            spent[kinds[0]] += sum(process.cpu_times()[:2])
    return spent


def _drag(page: Page, seconds: float) -> None:
    box = page.locator("[data-map=ready]").bounding_box()
    assert box is not None
    middle_x, middle_y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(middle_x, middle_y)
    page.mouse.down()
    # Until the page has recorded long enough; every move is one input event.
    end = page.evaluate("performance.now()") + 1000 * seconds
    turn = 0
    while page.evaluate("performance.now()") < end:
        turn += 1
        page.mouse.move(middle_x + 120 * (turn % 2), middle_y + 40 * (turn % 3), steps=12)
    page.mouse.up()


def _where(events: list[dict[str, object]], seconds: float) -> tuple[dict[str, float], dict[str, float]]:
    """Busy milliseconds a second by thread, and by what the trace calls it (nested work counts twice)."""
    names = {
        (event["pid"], event["tid"]): str(event["args"]["name"])  # type: ignore[index]
        for event in events
        if event.get("name") == "thread_name"
    }
    busy: defaultdict[str, float] = defaultdict(float)
    work: defaultdict[str, float] = defaultdict(float)
    for event in events:
        if event.get("ph") != "X":
            continue
        thread = names.get((event["pid"], event["tid"]), "?")
        took_ms = float(event.get("dur", 0)) / 1000 / seconds  # type: ignore[arg-type]
        if str(event["name"]) == "ThreadControllerImpl::RunTask" or event["name"] == "RunTask":
            busy[thread] += took_ms
        else:
            work[f"{thread}: {event['name']}"] += took_ms
    return _most(busy, MOST_NAMED), _most(work, 2 * MOST_NAMED)


def _most(spent: dict[str, float], count: int) -> dict[str, float]:
    return dict(sorted(spent.items(), key=lambda pair: -pair[1])[:count])
