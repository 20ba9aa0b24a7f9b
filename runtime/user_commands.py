"""`zaitu user`: let people in, give them a new password, keep them out."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from uuid_utils.compat import uuid7

from domain.access import Role
from runtime.device_commands import cli_principal, with_database
from runtime.settings import load_settings
from store import audit, depots, passwords, users
from store.cipher import Cipher
from store.errors import NotFound
from store.passwords import WeakPassword
from store.pool import Connection
from store.unit_of_work import unit_of_work

user_app = typer.Typer(help="People who may log in.", no_args_is_help=True)
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@user_app.command("create")
def create(
    login: Annotated[str, typer.Argument(help="a pseudonym such as adm-1, never a name or address")],
    role: Annotated[Role, typer.Option(help="What they are to the company.")] = Role.ADMIN,
    depot: Annotated[
        list[str] | None, typer.Option(help="Code of a depot they see; may be repeated.")
    ] = None,
    phone: Annotated[str | None, typer.Option(help="A customer's phone number.")] = None,
    superior: Annotated[str | None, typer.Option(help="Login of whom their overdue work goes to.")] = None,
    shipper: Annotated[str | None, typer.Option(help="Code of the shipper they belong to.")] = None,
    oidc_subject: Annotated[str | None, typer.Option(help="What the identity provider calls them.")] = None,
    password_stdin: FromStdin = False,
) -> None:
    """Let somebody in; the first administrator is made like this."""
    password_hash = None if oidc_subject is not None and not password_stdin else _hashed(password_stdin)
    cipher = Cipher.kept(load_settings().contact_key_text)

    async def work(connection: Connection) -> int:
        who, now = cli_principal(), datetime.now(UTC)
        async with unit_of_work(connection) as unit:
            known = {one.code: one.depot_id for one in await depots.list_all(unit.connection, who)}
            shippers = {one.code: one.shipper_id for one in await users.shippers(unit.connection, who)}
            new = users.NewUser(
                public_id=uuid7(),
                login=login,
                role=role,
                depot_ids=tuple(_known(known, code, "depot") for code in depot or ()),
                password_hash=password_hash,
                oidc_subject=oidc_subject,
                phone=phone,
                superior_login=superior,
                shipper_id=None if shipper is None else _known(shippers, shipper, "shipper"),
            )
            user_id = await users.create(unit.connection, cipher, new, now)
            await audit.record(unit.connection, who, "add", f"user:{user_id}", {"role": role.value}, now)
        return user_id

    with_database(work)
    typer.echo(f"{login} may log in as {role.value}")


@user_app.command("password")
def password(login: str, password_stdin: FromStdin = False) -> None:
    """Give somebody a new password; their sessions end."""
    password_hash = _hashed(password_stdin)

    async def work(connection: Connection) -> None:
        now = datetime.now(UTC)
        async with unit_of_work(connection) as unit:
            account = await _account(unit.connection, login)
            await users.set_password(unit.connection, account.user_id, password_hash, now)
            subject = f"user:{account.user_id}"
            await audit.record(unit.connection, cli_principal(), "password", subject, {}, now)

    with_database(work)
    typer.echo(f"{login} has a new password")


@user_app.command("disable")
def disable(
    login: str, undo: Annotated[bool, typer.Option("--undo", help="Let them in again.")] = False
) -> None:
    """Keep somebody out at once, or let them in again."""

    async def work(connection: Connection) -> None:
        now = datetime.now(UTC)
        async with unit_of_work(connection) as unit:
            account = await _account(unit.connection, login)
            await users.set_disabled(unit.connection, account.user_id, now, disabled=not undo)
            subject, detail = f"user:{account.user_id}", {"disabled": not undo}
            await audit.record(unit.connection, cli_principal(), "change", subject, detail, now)

    with_database(work)
    typer.echo(f"{login} may log in again" if undo else f"{login} may not log in any more")


async def _account(connection: Connection, login: str) -> users.Account:
    account = await users.by_login(connection, login)
    if account is None:
        raise NotFound(f"Nobody has the login {login}.")
    return account


def _known(ids: dict[str, int], code: str, noun: str) -> int:
    if code not in ids:
        raise NotFound(f"There is no {noun} {code}.")
    return ids[code]


def _hashed(from_stdin: bool) -> str:
    """Hash the password that is typed or piped in; one among the arguments would be seen by every process."""
    if from_stdin:
        given = sys.stdin.readline().rstrip("\n")
    else:
        given = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    try:
        return passwords.hash_password(given)
    except WeakPassword as exc:
        typer.echo(f"zaitu: {exc}", err=True)
        raise typer.Exit(1) from exc
