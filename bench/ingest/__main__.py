"""Runs the benchmark and prints its figures; `--part` runs some of it."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bench.figures import write
from bench.ingest.backlog import Backlog
from bench.ingest.live import commit_lag_ms, stream_lag_ms
from bench.ingest.servers import Servers
from bench.ingest.world import Size
from runtime.settings import load_settings

PARTS = ("single", "batch", "memory", "commit", "stream")


def run(
    part: Annotated[list[str] | None, typer.Option(help=f"Only these: {', '.join(PARTS)}.")] = None,
    messages: Annotated[int, typer.Option(help="Messages queued before a drain.")] = 200_000,
    queued: Annotated[int, typer.Option(help="Messages queued for the memory part.")] = 1_000_000,
    repeats: Annotated[int, typer.Option(help="Interleaved repetitions; medians count.")] = 5,
    seconds: Annotated[float, typer.Option(help="Length of the steady parts.")] = 30.0,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")] = False,
) -> None:
    """Measure ingest whole: broker, fences, crossings, milestones, commit, acknowledgement."""
    wanted = part or list(PARTS)
    say: Callable[[str], None] = partial(typer.echo, err=True)
    size = Size()
    figures: dict[str, float] = {}
    with Servers(Path(load_settings().data_dir), size, say) as servers:
        backlog = Backlog(servers, size, say)
        if "single" in wanted:
            figures |= _single(backlog, messages, repeats)
        if "batch" in wanted:
            figures |= _batch(backlog, messages, repeats)
        # Before the steady parts: after fixes of today those of the queue would be late, and folded as such.
        if "memory" in wanted:
            figures["rss_mb"] = backlog.peak_memory_mb(queued)
        if "commit" in wanted:
            figures["commit_p99_ms"] = commit_lag_ms(servers, size, backlog, seconds, say)
        if "stream" in wanted:
            figures["stream_p99_ms"] = stream_lag_ms(servers, size, backlog, seconds, say)
        figures["lost"], figures["duplicated"] = backlog.lost_and_duplicated()
    write({name: round(value, 3) for name, value in figures.items()}, as_json=as_json)


def _single(backlog: Backlog, messages: int, repeats: int) -> dict[str, float]:
    whole, bare = [], []
    for _ in range(repeats):
        whole.append(backlog.drained_per_s(messages, length=1))
        bare.append(backlog.bare_per_s(messages))
    ratio = statistics.median(a / b for a, b in zip(whole, bare, strict=True))
    return {"single_per_s": statistics.median(whole), "bare_per_s": statistics.median(bare), "ratio": ratio}


def _batch(backlog: Backlog, messages: int, repeats: int) -> dict[str, float]:
    whole, alone = [], []
    for _ in range(repeats):
        whole.append(backlog.drained_per_s(messages, length=20))
        alone.append(backlog.decode_and_copy_per_s(messages))
    ratio = statistics.median(a / b for a, b in zip(whole, alone, strict=True))
    return {
        "batch_fixes_per_s": statistics.median(whole),
        "decode_copy_per_s": statistics.median(alone),
        "batch_ratio": ratio,
    }


if __name__ == "__main__":
    typer.run(run)
