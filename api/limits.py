"""How large a request may be, and what every response says about caching and embedding."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem_response

# The map works in a thread of its own (worker-src), a script of ours; blob: are pictures it has decoded.
_POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'{tiles}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_SECURITY_HEADERS = {
    # Tracking addresses are secrets: they must not travel in Referer headers.
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(self), microphone=(), payment=(), usb=()",
    "X-Content-Type-Options": "nosniff",
}


class LimitedBodies:
    """ASGI middleware: refuses bodies over `max_bytes`, whether announced or not."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on unless, or until, its body is too large."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isdecimal() or int(announced) > self._max_bytes:
            response = problem_response(scope["path"], HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._detail)
            await response(scope, receive, send)
            return
        received = 0

        async def counting() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._detail)
            return message

        await self._app(scope, counting, send)

    @property
    def _detail(self) -> str:
        return f"The body is larger than {self._max_bytes} bytes. Send less at once."


class SecurityHeaders:
    """ASGI middleware: no foreign scripts, no embedding, no referrers, and by default no caching.

    tile_url: of the map tiles, whose server is the only other one a page may ask.
    """

    def __init__(self, app: ASGIApp, tile_url: str | None = None) -> None:
        self._app = app
        tiles = "" if tile_url is None else f" {_origin(tile_url)}"
        self._headers = {**_SECURITY_HEADERS, "Content-Security-Policy": _POLICY.format(tiles=tiles)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and add the headers to its response."""

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, adding if scope["type"] == "http" else send)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
