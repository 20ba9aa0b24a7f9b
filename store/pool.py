"""Connections to the database, with our types set up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg
import msgspec

from store.errors import Unavailable

Connection = Any
Pool = Any

CONNECT_WITHIN_S = 30.0
# A transaction left open by a process that hangs holds back every reader of `change`: the server ends it.
_SETTINGS = {"idle_in_transaction_session_timeout": "60s"}


async def open_connection(
    database_url: str, settings: Mapping[str, str] | None = None, *, answer_within_s: float | None = None
) -> Connection:
    """One connection of its own, for work that must not share: the writer's lock, or LISTEN.

    settings: of the server, for this connection. answer_within_s: how long a statement may take.
    Raises Unavailable when the server cannot be reached or refuses the login.
    """
    try:
        connection = await asyncpg.connect(
            database_url,
            timeout=CONNECT_WITHIN_S,
            command_timeout=answer_within_s,
            server_settings={**_SETTINGS, **(settings or {})},
        )
        await prepare_connection(connection)
    except (TimeoutError, OSError, asyncpg.PostgresError) as exc:
        raise _unavailable(exc) from exc
    return connection


async def open_pool(
    database_url: str, *, max_size: int = 10, plan_once: bool = False, longest_statement_s: float = 0.0
) -> Pool:
    """A pool of connections for request-driven work.

    plan_once: prepare each query's plan for any parameters, where planning would cost more than the query.
    Such a pool only reads: its connections are not reset after each use, which would be a round trip.
    longest_statement_s: the server gives up what takes longer, waiting for locks included; 0: never.
    Raises Unavailable when the server cannot be reached or refuses the login.
    """
    settings = {"statement_timeout": str(round(longest_statement_s * 1000))}
    if plan_once:
        settings["plan_cache_mode"] = "force_generic_plan"
    try:
        return await asyncpg.create_pool(
            database_url,
            min_size=1,
            max_size=max_size,
            timeout=CONNECT_WITHIN_S,
            init=prepare_connection,
            reset=_left_as_it_is if plan_once else None,
            server_settings={**_SETTINGS, **settings},
        )
    except (TimeoutError, OSError, asyncpg.PostgresError) as exc:
        raise _unavailable(exc) from exc


async def _left_as_it_is(connection: Connection) -> None:
    """What only reads leaves nothing behind."""


async def prepare_connection(connection: Connection) -> None:
    """Read and write jsonb as Python values."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + msgspec.json.encode(value),
        decoder=lambda data: msgspec.json.decode(bytes(data[1:])),
        format="binary",
    )


def _unavailable(exc: BaseException) -> Unavailable:
    return Unavailable(
        f"The database cannot be used ({type(exc).__name__}: {exc}). "
        "Check that it runs and that DATABASE_URL is right."
    )
