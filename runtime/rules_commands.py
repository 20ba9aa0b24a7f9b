"""`zaitu rules`: put a company's file of rules in force, or show the one that is."""

from __future__ import annotations

import asyncio
import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from runtime.device_commands import cli_principal
from runtime.settings import load_settings
from runtime.stack.embedded import EmbeddedStack
from store import audit, rules
from store.pool import open_connection
from store.unit_of_work import unit_of_work

rules_app = typer.Typer(
    help="A company's rules: channels, clocks, priorities, notices.", no_args_is_help=True
)


@rules_app.command("load")
def load_rules(
    file: Annotated[
        Path, typer.Argument(help="a TOML file, see docs/orders.md", exists=True, dir_okay=False)
    ],
) -> None:
    """Check a file and put it in force; orders follow it from their next event on."""
    text = file.read_text(encoding="utf-8")
    try:
        number = asyncio.run(_load(text))
    except rules.WrongRules as exc:
        typer.echo(f"zaitu: {exc}", err=True)
        raise typer.Exit(1) from exc
    typer.echo(f"rules {number} are in force")


@rules_app.command("show")
def show_rules() -> None:
    """Print the file that is in force: the shipped one where none was loaded."""
    typer.echo(asyncio.run(_show()), nl=False)


async def _load(text: str) -> int:
    rules.parse(text)
    connection = await open_connection(_database_url())
    try:
        async with unit_of_work(connection) as work:
            now = datetime.now(UTC)
            number = await rules.put_in_force(work.connection, text, by=getpass.getuser(), now=now)
            await audit.record(work.connection, cli_principal(), "load", f"rules:{number}", {}, now)
            work.tell("rules", [number])
            return number
    finally:
        await connection.close()


async def _show() -> str:
    connection = await open_connection(_database_url())
    try:
        return await rules.text_in_force(connection)
    finally:
        await connection.close()


def _database_url() -> str:
    settings = load_settings()
    return settings.database_url or EmbeddedStack(settings.data_dir).start_database()
