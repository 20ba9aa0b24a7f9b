"""The demo on the terminal: a page that keeps itself up to date, or lines where there is no terminal."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from runtime.demo.figures import Lag, Measured
from runtime.demo.links import Link
from store.census import Derived, Reached

MILESTONES_SHOWN = 6
_PLAIN_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to see at a moment of the run; `lag` is that of the last seconds."""

    elapsed_s: float
    measured: Measured
    lag: Lag
    derived: Derived
    reached: Sequence[Reached]
    links: Sequence[Link]


class View(Protocol):
    """Shows the demo to whoever looks."""

    def __enter__(self) -> View:
        """Begin to show."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave what was shown last on the screen."""
        ...

    def say(self, sentence: str) -> None:
        """Tell what is being done."""
        ...

    def show(self, scene: Scene) -> None:
        """Show a moment of the run."""
        ...


def choose_view() -> View:
    """A live page on a terminal; lines for anything else."""
    console = Console()
    return LivePage(console) if console.is_terminal and not console.is_dumb_terminal else Lines()


class Lines:
    """Plain lines, one every few seconds, without control codes."""

    def __init__(self) -> None:
        self._next_s = 0.0
        self._linked = False

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def say(self, sentence: str) -> None:
        """Write a sentence."""
        sys.stdout.write(f"{sentence}\n")
        sys.stdout.flush()

    def show(self, scene: Scene) -> None:
        """Write the figures when it is time, and the addresses once."""
        if scene.links and not self._linked:
            self._linked = True
            for link in scene.links:
                self.say(f"{link.what}: {link.url}")
        if scene.elapsed_s >= self._next_s:
            self._next_s = scene.elapsed_s + _PLAIN_EVERY_S
            self.say(f"{scene.elapsed_s:5.0f} s  {', '.join(_in_words(scene))}")


def _in_words(scene: Scene) -> list[str]:
    done = scene.measured
    return [
        f"{done.messages} messages",
        f"{done.fixes} fixes",
        f"{scene.derived.crossings} crossings",
        f"{scene.derived.milestones} milestones",
        f"{done.etas} ETAs",
        f"{scene.derived.alerts} alerts raised{_listed(done.alerts_raised)}",
        f"{sum(done.alerts_open.values())} open",
        f"{done.alerts_cleared} cleared",
        f"{sum(done.rejected.values())} rejected{_listed(done.rejected)}",
        f"{done.quarantined} quarantined",
        f"{done.duplicates} duplicates",
        f"lag p50 {_ms(scene.lag.p50_ms)} p99 {_ms(scene.lag.p99_ms)}",
    ]


def _listed(counts: Mapping[str, int]) -> str:
    parts = [f"{name} {count}" for name, count in _largest(counts)]
    return f" ({', '.join(parts)})" if parts else ""


def _largest(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(((name, count) for name, count in counts.items() if count), key=lambda item: -item[1])


def _ms(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.0f} ms"


class LivePage:
    """A page that is drawn anew each second and stays when the run is over."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="visible")

    def __enter__(self) -> LivePage:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def say(self, sentence: str) -> None:
        """Write a sentence above the page."""
        self._console.print(sentence, highlight=False, markup=False, soft_wrap=True)

    def show(self, scene: Scene) -> None:
        """Draw the page."""
        self._live.update(page(scene), refresh=True)


def page(scene: Scene) -> RenderableType:
    """A moment of the run as a page of some 100 columns and 30 lines."""
    columns = Table.grid(expand=True, padding=(0, 2))
    columns.add_column(ratio=1)
    columns.add_column(ratio=1)
    columns.add_row(_facts_of(scene), _derived_of(scene))
    return Group(
        Panel(columns, title=f"Zaitu 在途 · {scene.elapsed_s:.0f} s", title_align="left"),
        Panel(_milestones_of(scene), title="milestones, the latest first", title_align="left"),
        _links_of(scene),
    )


def _facts_of(scene: Scene) -> Table:
    done = scene.measured
    table = _figures()
    table.add_row("messages", f"{done.messages:,}", "committed, then acknowledged")
    table.add_row("fixes stored", f"{done.fixes:,}", "")
    table.add_row("duplicates", f"{done.duplicates:,}", "found and dropped")
    table.add_row("quarantined", f"{done.quarantined:,}", "clocks nobody believes")
    table.add_row("rejected", f"{sum(done.rejected.values()):,}", "")
    for reason, count in _largest(done.rejected)[:5]:
        table.add_row("", f"{count:,}", reason)
    return table


def _derived_of(scene: Scene) -> Table:
    done = scene.measured
    table = _figures()
    table.add_row("crossings", f"{scene.derived.crossings:,}", "")
    table.add_row("milestones", f"{scene.derived.milestones:,}", "")
    table.add_row("ETAs", f"{done.etas:,}", "published")
    table.add_row("lag", _ms(scene.lag.p50_ms), f"p50, p99 {_ms(scene.lag.p99_ms)}")
    table.add_row(
        "alerts", f"{sum(done.alerts_open.values()):,}", f"open, {done.alerts_cleared:,} cleared; raised:"
    )
    for kind, count in _largest(done.alerts_raised):
        table.add_row("", f"{count:,}", Text(kind, style=_COLOURS.get(kind, "")))
    return table


_COLOURS = {"late": "red", "late_risk": "yellow", "stale": "magenta"}


def _figures() -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(style="dim", min_width=13)
    table.add_column(justify="right", style="bold", min_width=7)
    table.add_column(style="dim")
    return table


def _milestones_of(scene: Scene) -> Table:
    table = Table.grid(padding=(0, 2))
    for item in scene.reached:
        table.add_row(
            Text(f"{item.actual_at.astimezone():%H:%M:%S}", style="dim"),
            item.number,
            Text(item.stage.replace("_", " "), style="green"),
            item.stop or "",
        )
    for _ in range(MILESTONES_SHOWN - len(scene.reached)):
        table.add_row("")
    return table


def _links_of(scene: Scene) -> Table:
    table = Table.grid(padding=(0, 2))
    for link in scene.links:
        table.add_row(Text(link.what, style="dim"), Text(link.url, style="cyan", overflow="fold"))
    return table
