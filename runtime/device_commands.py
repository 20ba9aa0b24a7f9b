"""`zaitu device`: how a device does, and its clock."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

import typer

from domain.access import process_principal
from domain.device_clocks import Adjustment
from runtime.settings import load_settings
from runtime.stack.embedded import EmbeddedStack
from store import clocks, device_health
from store.border import translated
from store.device_health import DeviceHealth, DeviceName
from store.errors import StoreError
from store.pool import Connection, open_connection
from store.unit_of_work import unit_of_work

Answer = TypeVar("Answer")
device_app = typer.Typer(help="How devices do, and their clocks.", no_args_is_help=True)
WHO = process_principal("cli")
TAKES_EFFECT_AFTER = timedelta(seconds=5)
"""By then ingest has heard of a correction: whatever it receives later is corrected."""

_MILLISECOND = timedelta(milliseconds=1)
_UNITS = {"ms": _MILLISECOND, "s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}
_MOST = timedelta(days=36_525)
_OFFSET_FORM = re.compile(r"([+-]?\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h)")


@device_app.command("show")
def show(name: str) -> None:
    """Say when a device was last heard, what is missing, and how its clock does."""
    typer.echo("\n".join(_told(with_database(lambda connection: _health(connection, name)))))


@device_app.command("clock")
def clock(
    name: str,
    apply: Annotated[bool, typer.Option("--apply", help="Correct the clock as proposed.")] = False,
    offset: Annotated[
        str | None, typer.Option(help="Correct it by this much instead, such as -8h, 90s or -1500ms.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="End the correction.")] = False,
) -> None:
    """Say what is wrong with a device's clock; correct it, or end its correction.

    Facts set apart are worked in at the corrected time within seconds, and those to come are corrected.
    """
    if sum((apply, offset is not None, clear)) > 1:
        raise typer.BadParameter("choose one of --apply, --offset and --clear")
    given = None if offset is None else parse_offset(offset)
    typer.echo(with_database(lambda connection: _clock(connection, name, apply, given, clear)))


def parse_offset(text: str) -> timedelta:
    """Read an offset such as -8h, 90s or -1500ms, at most 100 years."""
    match = _OFFSET_FORM.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"--offset must look like -8h, 90s or -1500ms, not {text!r}")
    unit = _UNITS[match[2]]
    if abs(float(match[1])) > _MOST / unit:
        raise typer.BadParameter("--offset must be at most 100 years")
    return float(match[1]) * unit


async def _clock(
    connection: Connection, name: str, apply: bool, offset: timedelta | None, clear: bool
) -> str:
    now = datetime.now(UTC)
    health = await _health(connection, name)
    device, proposal = health.device, health.proposal
    if clear:
        async with unit_of_work(connection) as work:
            ended = await clocks.end(connection, device.device_id, now + TAKES_EFFECT_AFTER)
            work.tell("clock", [device.device_id])
        return f"{name}: the correction ends now" if ended else f"{name}: its clock is not corrected"
    if offset is not None:
        return await _correct(connection, device, Adjustment(offset, now), "given", 0, now)
    if not apply:
        return "\n".join(_clock_told(health))
    if proposal is None:
        raise typer.BadParameter("nothing speaks for a wrong clock; give --offset to correct it all the same")
    trouble = proposal.trouble.value
    return await _correct(connection, device, proposal.adjustment, trouble, proposal.evidence, now)


async def _correct(
    connection: Connection,
    device: DeviceName,
    adjustment: Adjustment,
    reason: str,
    evidence: int,
    now: datetime,
) -> str:
    async with unit_of_work(connection) as work:
        await clocks.correct(
            connection,
            device.device_id,
            adjustment,
            reason=reason,
            evidence=evidence,
            applies_from=now + TAKES_EFFECT_AFTER,
        )
        work.tell("clock", [device.device_id])
    return f"{device.name}: corrected by {_adjustment_told(adjustment)} ({reason})"


async def _health(connection: Connection, name: str) -> DeviceHealth:
    device = await device_health.named(connection, WHO, name)
    return await device_health.read(connection, device, datetime.now(UTC))


def _told(health: DeviceHealth) -> list[str]:
    device = health.device
    lines = [
        f"{device.name} ({device.kind}, {device.status})",
        f"last heard: {_time_told(health.last_received_at)}; newest fix: {_time_told(health.last_fix_at)}",
    ]
    for topic in health.topics:
        ranges = ", ".join(
            f"{first}" if first == last else f"{first}-{last}" for first, last in topic.missing
        )
        lines.append(
            f"{topic.kind}: numbers {topic.lowest}-{topic.highest}, {topic.missing_count} missing"
            + (f" ({ranges})" if ranges else "")
            + (f", {topic.written_off} written off" if topic.written_off else "")
        )
    return [*lines, *_clock_told(health)]


def _clock_told(health: DeviceHealth) -> list[str]:
    lines = []
    if health.correction is not None:
        adjustment = health.correction.correction.adjustment
        lines.append(f"clock: corrected by {_adjustment_told(adjustment)} ({health.correction.reason})")
    if health.proposal is not None:
        proposal = health.proposal
        lines.append(
            f"clock: {proposal.trouble.value}, say {proposal.evidence} facts; "
            f"proposed: {_adjustment_told(proposal.adjustment)} (--apply)"
        )
    lines.extend(f"set apart: {count} facts, {reason}" for reason, count in health.quarantined.items())
    return lines or ["clock: nothing speaks against it"]


def _adjustment_told(adjustment: Adjustment) -> str:
    drift = f" and {adjustment.drift_ppm:+g} ppm" if adjustment.drift_ppm else ""
    return f"{adjustment.offset // _MILLISECOND:+d} ms{drift}"


def _time_told(at: datetime | None) -> str:
    return "never" if at is None else at.isoformat(timespec="seconds")


def with_database(work: Callable[[Connection], Awaitable[Answer]]) -> Answer:
    """Do a piece of work on one connection; ends with a sentence and status 1 where the database says no."""
    settings = load_settings()
    url = settings.database_url or EmbeddedStack(settings.data_dir).start_database()

    async def run() -> Answer:
        connection = await open_connection(url)
        try:
            return await work(connection)
        finally:
            await connection.close()

    try:
        with translated():
            return asyncio.run(run())
    except StoreError as exc:
        typer.echo(f"zaitu: {exc}", err=True)
        raise typer.Exit(1) from exc
