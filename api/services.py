"""What every route works with: the database, the cipher, live changes, and sources of time and randomness."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, cast
from uuid import UUID

from fastapi import Depends, Query, Request

from api.house_rules import HouseRules
from api.live import ChangeHub
from api.metrics import ApiMetrics
from geo.routers import Router
from store.border import borrowed
from store.cipher import Cipher
from store.pool import Connection, Pool
from store.unit_of_work import UnitOfWork, pooled_unit_of_work

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Sources:
    """Time and randomness: `clock` gives UTC, `new_id` a UUIDv7, `new_token` 256 random bits as text."""

    clock: Clock
    new_id: Callable[[], UUID]
    new_token: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes of one application share while it runs."""

    pool: Pool
    view_pool: Pool
    cipher: Cipher
    live: ChangeHub
    metrics: ApiMetrics
    sources: Sources
    router: Router
    rules: HouseRules

    def reading(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for reading."""
        return borrowed(self.pool)

    def reading_views(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for reading what one customer sees, of a pool that the other requests leave alone."""
        return borrowed(self.view_pool)

    def writing(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """A transaction that commits at the end of the body."""
        return pooled_unit_of_work(self.pool)


async def services(request: Request) -> Services:
    """The services of the application that got this request.

    Like every dependency a coroutine: FastAPI would run a plain function in a thread, for each request.
    """
    return cast(Services, request.app.state.services)


Api = Annotated[Services, Depends(services)]
Limit = Annotated[int, Query(ge=1, le=500, description="most items in the answer")]
After = Annotated[UUID | None, Query(description="`next` of the page before")]
