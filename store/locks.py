"""Locks that make a process the only one of its kind; they last as long as the connection that took them."""

from __future__ import annotations

from store.pool import Connection
from store.queries import load

_queries = load("locks")
_WATCH = 0x7A61697475_02
_CHORES = 0x7A61697475_03


async def take_watch_lock(connection: Connection) -> bool:
    """Become the one watch that works; False while another one is. A lost connection gives it up."""
    return bool(await _queries.try_lock(connection, key=_WATCH))


async def take_chores_lock(connection: Connection) -> bool:
    """Become the one that does watch's heavy work; False while another one is."""
    return bool(await _queries.try_lock(connection, key=_CHORES))
