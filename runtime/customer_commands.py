"""`zaitu customer`: give out one customer's data, or erase it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from runtime.device_commands import cli_principal, with_database
from runtime.settings import load_settings
from store import customers
from store.cipher import Cipher
from store.customers import Document, Erased, Wanted
from store.pool import Connection
from store.unit_of_work import unit_of_work

customer_app = typer.Typer(help="One customer's data.", no_args_is_help=True)
Phone = Annotated[str | None, typer.Option(help="The customer's phone number.")]
Order = Annotated[str | None, typer.Option(help="The number of an order that goes to the customer.")]


@customer_app.command("export")
def export(phone: Phone = None, order: Order = None) -> None:
    """Print all that is kept of a customer, as JSON; that it was given out is written down."""
    wanted, cipher = _wanted(phone, order), Cipher.kept(load_settings().contact_key_text)

    async def work(connection: Connection) -> Document:
        who = cli_principal()
        async with unit_of_work(connection) as unit:
            customer = await customers.find(unit.connection, who, cipher, wanted)
            document = await customers.export(unit.connection, who, cipher, customer)
            await customers.note(unit.connection, who, "export", customer, datetime.now(UTC))
        return document

    typer.echo(msgspec.json.format(msgspec.json.encode(with_database(work)), indent=2).decode())


@customer_app.command("erase")
def erase(
    phone: Phone = None,
    order: Order = None,
    also_open: Annotated[
        bool, typer.Option("--also-open", help="Orders under way, too: nobody can deliver them afterwards.")
    ] = False,
) -> None:
    """Erase what names or places a customer; milestones and times of the orders stay."""
    wanted, cipher = _wanted(phone, order), Cipher.kept(load_settings().contact_key_text)

    async def work(connection: Connection) -> Erased:
        who, now = cli_principal(), datetime.now(UTC)
        async with unit_of_work(connection) as unit:
            customer = await customers.find(unit.connection, who, cipher, wanted)
            erased = await customers.erase(unit.connection, who, cipher, customer, now, also_open=also_open)
            await customers.note(unit.connection, who, "erase", customer, now)
            unit.tell("order", erased.order_ids)
        return erased

    erased = with_database(work)
    account = "" if erased.user_id is None else ", and the account"
    typer.echo(f"erased: {len(erased.contact_ids)} contacts of {len(erased.order_ids)} orders{account}")


def _wanted(phone: str | None, order: str | None) -> Wanted:
    if (phone is None) == (order is None):
        raise typer.BadParameter("give either --phone or --order")
    return Wanted(phone=phone, number=order)
