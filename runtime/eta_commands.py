"""`zaitu eta`: how published arrival estimates turned out."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from domain.access import process_principal
from domain.estimates import Score, ScoredEstimate, by_lane, score
from runtime.settings import load_settings
from runtime.stack.embedded import EmbeddedStack
from store import learning
from store.pool import open_connection

eta_app = typer.Typer(help="Arrival estimates.", no_args_is_help=True)


@eta_app.callback()
def eta() -> None:
    """Arrival estimates."""


@eta_app.command("score")
def show_scores(
    days: Annotated[float, typer.Option(help="Arrivals of so many days.", min=0.01, max=60)] = 7,
) -> None:
    """Show how the estimates that were told turned out, by how far ahead and by lane."""
    settings, console = load_settings(), Console()
    database_url = settings.database_url or EmbeddedStack(settings.data_dir).start_database()
    estimates = asyncio.run(_read(database_url, days))
    overall = score(estimates)
    if overall is None:
        console.print(f"no estimate of an arrival in the last {days:g} days has been scored yet")
        return
    table = Table("minutes ahead", "estimates", "mean error s", "bias s", "by p50", "by p90")
    for name, part in {**overall.by_horizon, "all": overall.overall}.items():
        table.add_row(
            name,
            str(part.estimates),
            f"{part.mae_s:.0f}",
            f"{part.bias_s:+.0f}",
            f"{part.coverage_p50:.1%}",
            f"{part.coverage_p90:.1%}",
        )
    console.print(table)
    console.print(_closing(overall))
    lanes = Table("lane", "estimates", "mean error s", "by p90", "wobble s/min")
    for lane, lane_score in by_lane(estimates).items():
        part, wobble_s = lane_score.overall, lane_score.wobble_s
        wobble = "" if wobble_s is None else f"{wobble_s:.1f}"
        lanes.add_row(lane, str(part.estimates), f"{part.mae_s:.0f}", f"{part.coverage_p90:.1%}", wobble)
    console.print(lanes)


def _closing(overall: Score) -> str:
    wobble = "unknown" if overall.wobble_s is None else f"{overall.wobble_s:.1f} s per minute"
    kept = "unknown" if overall.kept_percent is None else f"{overall.kept_percent:.0f} %"
    return f"wobble {wobble}; accurate by TransitApp's measure {kept}"


async def _read(database_url: str, days: float) -> list[ScoredEstimate]:
    connection = await open_connection(database_url)
    try:
        now = datetime.now(UTC)
        return await learning.scored(connection, process_principal("cli"), now - timedelta(days=days), now)
    finally:
        await connection.close()
