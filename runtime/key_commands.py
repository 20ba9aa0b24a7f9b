"""`zaitu keys`: a new key for personal data, everything sealed under it, and the old keys retired."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from runtime.device_commands import cli_principal, with_database
from runtime.settings import load_settings
from store import audit, rotation
from store.cipher import Cipher
from store.keyring import KeyRing
from store.pool import Connection
from store.unit_of_work import unit_of_work

keys_app = typer.Typer(help="The keys personal data is encrypted under.", no_args_is_help=True)


@keys_app.command("new")
def new() -> None:
    """Print the ring with one more key, for ZAITU_CONTACT_KEY where that is set; restart, then rotate."""
    typer.echo(KeyRing.parse(load_settings().contact_key_text()).with_new_key().text())


@keys_app.command("rotate")
def rotate(
    same_key: Annotated[bool, typer.Option("--same-key", help="Add no key: finish what a run left.")] = False,
) -> None:
    """Add a key to the kept ring and seal everything under it, while everything runs on.

    Where ZAITU_CONTACT_KEY is set, the newest key given there is used: see `zaitu keys new`.
    """
    settings = load_settings()
    if settings.contact_key is None and not same_key:
        ring = KeyRing.parse(settings.contact_key_text())
        _keep(settings.contact_key_file, ring.with_new_key().text())
    cipher = Cipher.kept(settings.contact_key_text)

    async def work(connection: Connection) -> tuple[int, int]:
        done = await rotation.reseal(connection, cipher)
        async with unit_of_work(connection) as unit:
            detail = {"key": cipher.key_id, "values": done}
            await audit.record(unit.connection, cli_principal(), "rotate", "keys", detail, datetime.now(UTC))
        return done, await rotation.under_older_keys(connection, cipher)

    done, left = with_database(work)
    typer.echo(f"{done} values sealed under key {cipher.key_id}; {left} under older keys")


@keys_app.command("retire")
def retire() -> None:
    """Drop the older keys from the kept ring, once nothing is sealed under them any more.

    Restart ingest, watch and the API after `rotate` and before this: until then they may use the old key.
    """
    settings = load_settings()
    ring = KeyRing.parse(settings.contact_key_text())
    left = with_database(lambda connection: _left_of(connection, ring))
    if left:
        typer.echo(f"zaitu: {left} values need an older key: run `zaitu keys rotate --same-key`", err=True)
        raise typer.Exit(1)
    if settings.contact_key is None:
        _keep(settings.contact_key_file, ring.newest_only().text())
        typer.echo(f"key {ring.newest} is the only one left")
    else:
        typer.echo(f"set ZAITU_CONTACT_KEY to this:\n{ring.newest_only().text()}")


async def _left_of(connection: Connection, ring: KeyRing) -> int:
    """How many values need an older key; that none does, and the keys go, is written down."""
    left = await rotation.under_older_keys(connection, Cipher(ring))
    if not left:
        detail = {"key": ring.newest}
        await audit.record(connection, cli_principal(), "retire", "keys", detail, datetime.now(UTC))
    return left


def _keep(path: Path, text: str) -> None:
    """Replace the file in one step: a process that reads it gets the old ring or the new one."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii"
    ) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
