"""One unit of work: repository functions run inside it, it alone commits and tells other processes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from store import changes
from store.border import borrowed
from store.pool import Connection, Pool


@dataclass
class UnitOfWork:
    """A running transaction and what others should hear of once it commits."""

    connection: Connection
    heard_of: dict[str, set[int]] = field(default_factory=dict)

    def tell(self, kind: changes.ChangeKind, ids: Iterable[int]) -> None:
        """Announce that things of `kind` with these internal ids changed; sent once, at commit."""
        wanted = set(ids)
        if wanted:
            self.heard_of.setdefault(kind, set()).update(wanted)


@asynccontextmanager
async def unit_of_work(connection: Connection) -> AsyncIterator[UnitOfWork]:
    """Run the body in one transaction on `connection`: commits at the end, rolls back on any error."""
    async with connection.transaction():
        work = UnitOfWork(connection)
        yield work
        await changes.append(connection, work.heard_of)


@asynccontextmanager
async def pooled_unit_of_work(pool: Pool) -> AsyncIterator[UnitOfWork]:
    """A unit of work on a connection borrowed from `pool`; the database's errors come out as StoreError."""
    async with borrowed(pool) as connection, unit_of_work(connection) as work:
        yield work
