"""`zaitu device`: how a device does, and its clock."""

from __future__ import annotations

import asyncio
import getpass
import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from uuid_utils.compat import uuid7

from domain.access import Principal, process_principal
from domain.device_clocks import TAKES_EFFECT_AFTER, Adjustment
from runtime.settings import load_settings
from runtime.stack.embedded import EmbeddedStack
from runtime.stack.mosquitto import hash_password, refuse_own_name
from store import audit, clocks, depots, device_health, devices, enrolments
from store.border import translated
from store.device_health import DeviceHealth, DeviceName
from store.errors import NotFound, StoreError
from store.pool import Connection, open_connection
from store.share_links import token_hash
from store.unit_of_work import UnitOfWork, unit_of_work

Answer = TypeVar("Answer")
device_app = typer.Typer(help="How devices do, and their clocks.", no_args_is_help=True)
WHO = process_principal("cli")
MOST_LISTED = 1000
_MILLISECOND = timedelta(milliseconds=1)
_UNITS = {"ms": _MILLISECOND, "s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}
_MOST = timedelta(days=36_525)
_OFFSET_FORM = re.compile(r"([+-]?\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h)")


class DeviceKind(StrEnum):
    """What a device is."""

    TRACKER = "tracker"
    SCANNER = "scanner"


@device_app.command("show")
def show(name: str) -> None:
    """Say when a device was last heard, what is missing, and how its clock does."""
    typer.echo("\n".join(_told(with_database(lambda connection: _health(connection, name)))))


@device_app.command("add")
def add(
    name: str,
    depot: Annotated[str, typer.Option(help="Code of its depot.")],
    kind: Annotated[DeviceKind, typer.Option(help="What it is.")] = DeviceKind.TRACKER,
) -> None:
    """Register a device and let it in: prints its broker password and its HTTP token, only this once.

    Where MQTT_URL names a broker of your own, add the line that is printed to its password file.
    """
    password, token = secrets.token_urlsafe(24), secrets.token_urlsafe(32)
    settings = load_settings()
    broker = None if settings.mqtt_url else EmbeddedStack(settings.data_dir).start_broker()
    if broker is not None:
        refuse_own_name(name)

    async def work(connection: Connection) -> None:
        now = datetime.now(UTC)
        async with unit_of_work(connection) as unit:
            device_id = await _register(unit, name, depot, kind, token)
            await _note(unit.connection, "add", f"device:{device_id}", now)

    with_database(work)
    typer.echo(f"MQTT user {name}, password {password}\nHTTP token {token}")
    if broker is not None:
        broker.add_user(name, password)
    else:
        typer.echo(f"password file: {name}:{hash_password(password, secrets.token_bytes(12))}")


@device_app.command("pending")
def pending() -> None:
    """List the devices that wait for approval: they spoke and are not registered (ZAITU_ENROLL=open)."""
    found = with_database(lambda connection: enrolments.waiting(connection, MOST_LISTED))
    for one in found:
        typer.echo(
            f"{one.name}  {', '.join(one.kinds)}  first heard {_time_told(one.first_heard_at)}, "
            f"last {_time_told(one.last_heard_at)}, {one.payloads} payloads"
        )
    typer.echo(f"{len(found)} waiting")


@device_app.command("approve")
def approve(
    name: str,
    depot: Annotated[str, typer.Option(help="Code of its depot.")],
    kind: Annotated[
        DeviceKind | None, typer.Option(help="What it is; default: a scanner if it sent scans.")
    ] = None,
) -> None:
    """Register a device that waits for approval, and have what it sent so far worked in."""
    token = secrets.token_urlsafe(32)

    async def work(connection: Connection) -> enrolments.Approved:
        async with unit_of_work(connection) as unit:
            return await enrolments.approve(
                unit,
                cli_principal(),
                enrolments.Approval(name, await _depot_of(connection, depot), kind),
                public_id=uuid7(),
                token_hash=token_hash(token),
                now=datetime.now(UTC),
            )

    approved = with_database(work)
    typer.echo(f"{name} is a {approved.kind} of {depot}; {approved.payloads} payloads to be worked in")
    typer.echo(f"HTTP token {token}")


async def _register(unit: UnitOfWork, name: str, depot: str, kind: DeviceKind, token: str) -> int:
    device_id = await devices.create(
        unit.connection,
        WHO,
        public_id=uuid7(),
        depot=await _depot_of(unit.connection, depot),
        name=name,
        kind=kind.value,
        datum="wgs84",
        expected_interval_s=30.0,
        token_hash=token_hash(token),
    )
    unit.tell("device", [device_id])
    return device_id


async def _depot_of(connection: Connection, code: str) -> UUID:
    known = {one.code: one.public_id for one in await depots.list_all(connection, WHO)}
    if code not in known:
        raise NotFound(f"There is no depot {code}.")
    return known[code]


@device_app.command("certificate")
def certificate(
    name: str, folder: Annotated[Path, typer.Option(help="Where its files go.")] = Path()
) -> None:
    """Issue a trial certificate for a device; makes the trial authority first where there is none."""
    broker = EmbeddedStack(load_settings().data_dir).start_broker()
    now = datetime.now(UTC)
    if not broker.is_secured():
        broker.secure(["localhost", "127.0.0.1"], now)
        broker.restart()
    issued = broker.issue_certificate(name, now)
    with_database(lambda connection: _note(connection, "certificate", f"device:{name}", now))
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, text in (("crt", issued.certificate), ("key", issued.key)):
        path = folder / f"{name}.{suffix}"
        path.touch(mode=0o600, exist_ok=True)
        path.write_text(text, encoding="ascii")
    (folder / "ca.crt").write_text(broker.authority_file.read_text(encoding="ascii"), encoding="ascii")
    typer.echo(
        f"{folder / name}.crt and .key, authority {folder / 'ca.crt'}: connect to mqtts://127.0.0.1:"
        f"{broker.certificate_port}, or with a password to mqtts://127.0.0.1:{broker.tls_port}"
    )


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
            await _note(connection, "clock", f"device:{device.device_id}", now)
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
        await _note(connection, "clock", f"device:{device.device_id}", now)
        work.tell("clock", [device.device_id])
    return f"{device.name}: corrected by {_adjustment_told(adjustment)} ({reason})"


async def _note(connection: Connection, action: str, subject: str, now: datetime) -> None:
    await audit.record(connection, cli_principal(), action, subject, {}, now)


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


def cli_principal() -> Principal:
    """Whoever runs the command line: they hold the database's password and the keys."""
    return process_principal(f"cli:{getpass.getuser()}")


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
