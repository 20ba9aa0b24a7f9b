"""The device HTTP listener: the same payloads into the same queue, answered after the same commit."""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from ingest.formats.zaitu import MAX_PAYLOAD_BYTES, WHOLE
from ingest.inbox import Inbox
from ingest.messages import Message, Outcome
from store.errors import Unavailable

MAX_WAITING = 5_000
COMMIT_TIMEOUT_S = 30.0
RETRY_AFTER_S = 5
MAX_LISTED_REJECTIONS = 100
PROBLEM_JSON = "application/problem+json"
_BEARER = re.compile(r"Bearer ([\x21-\x7e]{1,256})", re.IGNORECASE)
_KINDS = {"gps", "scan", "telemetry", "status"}

TokenHashOf = Callable[[str], Awaitable[bytes | None]]
"""The hash of a named device's token, or None when there is no such device or it has no token."""


def make_device_app(
    inbox: Inbox, token_hash_of: TokenHashOf, now: Callable[[], datetime], is_writer: Callable[[], bool]
) -> FastAPI:
    """The listener as an ASGI application (docs/wire-format.md, "Over HTTP")."""
    app = FastAPI(title="Zaitu device listener", docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(HTTPException)
    async def refuse(request: Request, exc: HTTPException) -> Response:
        title = HTTPStatus(exc.status_code).phrase
        return _problem(
            exc.status_code, title, "POST to /v1/devices/{device}/{kind}", dict(exc.headers or {})
        )

    @app.post("/v1/devices/{device}/{kind}")
    async def receive(device: str, kind: str, request: Request) -> Response:
        if kind not in _KINDS:
            return _problem(404, "Not found", f"devices send {', '.join(sorted(_KINDS))}")
        try:
            if not await _is_device(request, device, token_hash_of):
                return _problem(401, "Unauthorized", "send this device's own token as a bearer token")
            if not is_writer() or len(inbox) >= MAX_WAITING:
                raise Unavailable("Ingest cannot take it just now.")
            payload = await _body(request)
            outcome = await _commit(inbox, f"zaitu/v1/{device}/{kind}", payload, now())
        except (Unavailable, TimeoutError):
            return _problem(503, "Not committed", "send it again", {"Retry-After": str(RETRY_AFTER_S)})
        if len(payload) > MAX_PAYLOAD_BYTES:
            return _problem(
                413, "Payload too large", f"at most {MAX_PAYLOAD_BYTES} bytes; send smaller parts"
            )
        return JSONResponse(_answer(outcome))

    return app


async def _body(request: Request) -> bytes:
    """The body, or as much of it as shows that it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_PAYLOAD_BYTES:
            break
    return bytes(body)


async def _is_device(request: Request, device: str, token_hash_of: TokenHashOf) -> bool:
    match = _BEARER.fullmatch(request.headers.get("authorization", ""))
    if match is None:
        return False
    wanted = await token_hash_of(device)
    given = sha256(match.group(1).encode()).digest()
    return hmac.compare_digest(given, wanted or bytes(len(given)))


async def _commit(inbox: Inbox, topic: str, payload: bytes, received_at: datetime) -> Outcome:
    waiter: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    inbox.put(Message(topic, payload, received_at, waiter=waiter))
    return await asyncio.wait_for(waiter, COMMIT_TIMEOUT_S)


def _answer(outcome: Outcome) -> dict[str, Any]:
    rejections = outcome.rejections or []
    return {
        "stored": outcome.stored,
        "duplicates": outcome.duplicates,
        "rejected": len(rejections),
        "quarantined": outcome.quarantined,
        "rejections": [
            {"index": None if item == WHOLE else item, "reason": reason, "detail": detail}
            for item, reason, detail in rejections[:MAX_LISTED_REJECTIONS]
        ],
    }


def _problem(status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(
        {"type": "about:blank", "title": title, "status": status, "detail": detail},
        status_code=status,
        media_type=PROBLEM_JSON,
        headers=headers,
    )
