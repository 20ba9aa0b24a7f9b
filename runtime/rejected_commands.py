"""`zaitu rejected`: payloads that could not be used."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from domain.access import process_principal
from runtime.device_commands import cli_principal, with_database
from runtime.settings import load_settings
from store import audit, rejected
from store.cipher import Cipher
from store.pool import Connection
from store.unit_of_work import unit_of_work

rejected_app = typer.Typer(help="Payloads that could not be used.", no_args_is_help=True)
WHO = process_principal("cli")


@rejected_app.command("list")
def list_rejected(
    reason: Annotated[str | None, typer.Option(help="Only those rejected for this.")] = None,
    device: Annotated[str | None, typer.Option(help="Only those of this device.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
) -> None:
    """Count what was rejected by reason, and list the newest."""

    async def read(connection: Connection) -> list[str]:
        reasons = await rejected.by_reason(connection, WHO)
        newest = await rejected.list_page(connection, WHO, reason=reason, device=device, limit=limit)
        counts = [f"{each.reason}: {each.payloads} ({each.usable} usable by now)" for each in reasons]
        return [*counts, "", *(_line(item) for item in newest)] if reasons else ["nothing was rejected"]

    typer.echo("\n".join(with_database(read)))


@rejected_app.command("show")
def show(number: int) -> None:
    """Write the payload as it was received, as far as it was kept, to standard output."""
    cipher = Cipher.kept(load_settings().contact_key_text)

    async def opened(connection: Connection) -> bytes:
        async with unit_of_work(connection) as work:
            found = await rejected.payload(work.connection, WHO, number, cipher)
            who, subject = cli_principal(), f"rejected:{number}"
            await audit.record(work.connection, who, "open", subject, {}, datetime.now(UTC))
        return found

    payload = with_database(opened)
    typer.get_binary_stream("stdout").write(payload)


@rejected_app.command("retry")
def retry(
    numbers: Annotated[list[int] | None, typer.Argument(help="Numbers from the list.")] = None,
    reason: Annotated[str | None, typer.Option(help="All that were rejected for this.")] = None,
) -> None:
    """Have ingest take payloads in again, after what was wrong has been put right."""
    if not numbers and reason is None:
        raise typer.BadParameter("say which: numbers, or --reason")

    async def ask(connection: Connection) -> list[int]:
        async with unit_of_work(connection) as work:
            now = datetime.now(UTC)
            asked = await rejected.ask_retry(
                connection, WHO, reason=reason, rejected_ids=numbers or None, now=now
            )
            detail = {"payloads": len(asked)}
            await audit.record(work.connection, cli_principal(), "retry", "rejected", detail, now)
            work.tell("rejected", asked)
        return asked

    typer.echo(f"{len(with_database(ask))} to be tried again; `zaitu rejected list` says how that went")


def _line(item: rejected.Rejected) -> str:
    place = "" if item.item < 0 else f" item {item.item}"
    fate = ", usable" if item.usable_at else ", tried again" if item.retried_at else ""
    return (
        f"{item.rejected_id}  {item.last_received_at:%Y-%m-%d %H:%M:%S}  {item.topic}{place}  {item.reason}: "
        f"{item.detail} ({item.payload_bytes} bytes, {item.times} times{fate})"
    )
