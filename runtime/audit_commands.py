"""`zaitu audit`: is the log of what people did still what was written?"""

from __future__ import annotations

import re
from typing import Annotated

import typer

from runtime.device_commands import with_database
from store import audit

audit_app = typer.Typer(help="The log of what people did.", no_args_is_help=True)
_HASH = re.compile(r"[0-9a-f]{64}")


@audit_app.command("verify")
def verify(
    head: Annotated[str | None, typer.Option(help="A head an earlier run printed, kept elsewhere.")] = None,
) -> None:
    """Check every entry; prints the head of the chain, to be kept elsewhere. Status 1: one is wrong."""
    if head is not None and not _HASH.fullmatch(head):
        raise typer.BadParameter("--head must be 64 hexadecimal digits")
    verdict = with_database(lambda connection: audit.verify(connection, head))
    typer.echo(f"{verdict.entries} entries, head {verdict.head}")
    for sentence in verdict.wrong:
        typer.echo(f"zaitu: {sentence}", err=True)
    if verdict.wrong:
        raise typer.Exit(1)


@audit_app.callback()
def _group() -> None:
    """Keep `verify` a command of its own."""
