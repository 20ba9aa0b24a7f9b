"""What the API measures about itself, and the middleware that measures requests."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_UNMATCHED = "(none)"


class ApiMetrics:
    """The API's metrics, in a registry of the application's own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.requests = Counter(
            "zaitu_api_requests", "Requests answered.", ("method", "route", "status"), registry=registry
        )
        self.seconds = Histogram(
            "zaitu_api_response_seconds",
            "Seconds until a response began.",
            ("method", "route"),
            registry=registry,
        )
        self.streams = Gauge("zaitu_api_streams", "Event streams open.", ("audience",), registry=registry)
        self.views = Counter("zaitu_api_views", "Tracking views sent to streams.", registry=registry)
        self.changes = Counter("zaitu_api_changes", "Changes followed.", registry=registry)
        self.change_lag = Histogram(
            "zaitu_api_change_lag_seconds",
            "Seconds from the start of a transaction until the API followed its change.",
            registry=registry,
        )


class MeasuredRequests:
    """ASGI middleware: counts requests by route (never by address: those hold tokens) and times them."""

    def __init__(self, app: ASGIApp, metrics: ApiMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and note its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._note(scope, message["status"], time.perf_counter() - started)
            await send(message)

        await self._app(scope, receive, noting)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", _UNMATCHED)
        self._metrics.requests.labels(scope["method"], route, status).inc()
        self._metrics.seconds.labels(scope["method"], route).observe(seconds)
