"""How often one address, and one key or session, may ask: token buckets in the memory of this process."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from math import ceil

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from api.client_address import client_address
from api.problems import problem_response

MOST_KNOWN = 50_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests a second in the long run, and `burst` at once."""

    per_s: float
    burst: float


class Buckets:
    """A token bucket for each subject; the one asked least lately is forgotten when there are too many.

    A bucket is kept as the time at which it will be full again (the generic cell rate algorithm). A forgotten
    subject begins with a full one, so whoever can come from more addresses than are kept is not held by this.
    """

    def __init__(self, rate: Rate, now: Callable[[], float], most_known: int = MOST_KNOWN) -> None:
        self._per_request_s = 1.0 / rate.per_s
        self._depth_s = rate.burst / rate.per_s
        self._now = now
        self._most_known = most_known
        self._full_at: OrderedDict[bytes | str, float] = OrderedDict()

    def take(self, subject: bytes | str) -> float:
        """Take one token; 0 when there was one, else the seconds until there will be, and none is taken."""
        now = self._now()
        full_at = max(self._full_at.get(subject, now), now) + self._per_request_s
        wait_s = full_at - now - self._depth_s
        if wait_s > 1e-9:
            return wait_s
        self._full_at[subject] = full_at
        self._full_at.move_to_end(subject)
        if len(self._full_at) > self._most_known:
            self._full_at.popitem(last=False)
        return 0.0


@dataclass(frozen=True, slots=True)
class Rates:
    """How often each address and each key or session may ask; None: as often as it likes."""

    per_address: Rate | None = None
    per_key: Rate | None = None


class LimitedRates:
    """ASGI middleware: refuses (429) whoever asks too often.

    Whoever is `exempt`, told by the request's credentials, is not counted: the installation's own simulators.
    """

    def __init__(
        self,
        app: ASGIApp,
        rates: Rates,
        exempt: Callable[[str], bool],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._by_address = None if rates.per_address is None else Buckets(rates.per_address, now)
        self._by_key = None if rates.per_key is None else Buckets(rates.per_key, now)
        self._exempt = exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or say when to ask again."""
        wait_s = self._wait_s(scope) if scope["type"] == "http" else 0.0
        if wait_s <= 0.0:
            await self._app(scope, receive, send)
            return
        response = problem_response(
            scope["path"],
            HTTPStatus.TOO_MANY_REQUESTS,
            "You ask too often. Wait as long as Retry-After says, then ask less often.",
            headers={"Retry-After": str(ceil(wait_s))},
        )
        await response(scope, receive, send)

    def _wait_s(self, scope: Scope) -> float:
        credentials = Headers(scope=scope).get("authorization", "")
        if credentials and self._exempt(credentials.partition(" ")[2]):
            return 0.0
        if self._by_address is not None:
            wait_s = self._by_address.take(client_address(HTTPConnection(scope)))
            if wait_s > 0.0:
                return wait_s
        if self._by_key is None or not credentials:
            return 0.0
        # Keys are secrets: what stays in memory is a hash.
        return self._by_key.take(sha256(credentials.encode()).digest())
