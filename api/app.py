"""The application: what it is made of, and its start and end."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from fastapi import Depends, FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware.cors import CORSMiddleware

from api import access_rules, openapi, pages, problems
from api.auth import Gatekeeper, admit
from api.fleet_map import FleetMap
from api.house_rules import HouseRules
from api.limits import LimitedBodies, SecurityHeaders
from api.live import ChangeHub
from api.metrics import ApiMetrics, MeasuredRequests
from api.names import PublicNames
from api.oidc import IdentityProvider, OidcClient
from api.rates import LimitedRates, Rates
from api.routes import (
    alerts,
    api_keys,
    assignments,
    catalogue,
    conflicts,
    customers,
    depots,
    device_health,
    devices,
    drawers,
    enrolments,
    etas,
    events,
    fleet,
    geofences,
    health,
    my_stops,
    notices,
    oidc,
    order_board,
    order_files,
    orders,
    page_config,
    reports,
    search,
    sessions,
    share_links,
    stays,
    tasks,
    tracking,
    trips,
    users,
    vehicles,
)
from api.schemas.page_config import PageConfig
from api.services import Services, Sources
from api.tokens import AccessTokens
from api.tracking_view import TrackingViews
from geo.routers import Router
from geo.routers.straight import StraightLines
from store.cipher import Cipher
from store.pool import open_pool

MAX_BODY_BYTES = 4 * 1024 * 1024
VIEW_CONNECTIONS = 5
LONGEST_STATEMENT_S = 10.0
ROUTERS = (
    # Routes are tried in this order, and customers ask most.
    tracking.router,
    sessions.router,
    oidc.router,
    users.router,
    api_keys.router,
    depots.router,
    vehicles.router,
    stays.router,
    device_health.router,
    enrolments.router,
    devices.router,
    geofences.router,
    trips.router,
    catalogue.router,
    order_files.router,
    assignments.router,
    order_board.router,
    drawers.router,
    orders.router,
    conflicts.router,
    customers.router,
    notices.router,
    share_links.router,
    alerts.router,
    etas.router,
    reports.router,
    search.router,
    tasks.router,
    my_stops.router,
    events.router,
    fleet.router,
    page_config.router,
    health.router,
    pages.router,
)


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """What one application needs to know; `newest_migration` is the schema it was built for.

    admin_token: of the installation itself, None where there is none. token_key: signs access tokens; with a
    random one, a restart ends all of them. cors_origins: other origins whose scripts may ask.
    public_url: where customers reach the pages; None: wherever the asker reached the API.
    """

    database_url: str
    admin_token: str | None = field(repr=False)
    cipher: Cipher = field(repr=False)
    newest_migration: int
    router: Router = field(default_factory=StraightLines)
    max_body_bytes: int = MAX_BODY_BYTES
    page_config: PageConfig = field(
        default_factory=lambda: PageConfig(name="Zaitu", operating_zone="Asia/Shanghai")
    )
    token_key: bytes = field(repr=False, default_factory=lambda: secrets.token_bytes(32))
    rates: Rates = field(default_factory=Rates)
    longest_statement_s: float = LONGEST_STATEMENT_S
    cors_origins: tuple[str, ...] = ()
    oidc: OidcClient | None = None
    public_url: str | None = None


def create_app(config: ApiConfig, sources: Sources, registry: CollectorRegistry | None = None) -> FastAPI:
    """Put the application together; it reaches for the database when it starts."""
    metrics = ApiMetrics(registry or CollectorRegistry())
    app = FastAPI(
        title="Zaitu",
        version="1",
        description="Where orders are, what has happened to them, and when they will arrive.",
        lifespan=_lifespan(config, sources, metrics),
        docs_url=None,
        redoc_url=None,
        # A redirect to the address with or without the slash would repeat the request's Host.
        redirect_slashes=False,
    )
    gatekeeper = Gatekeeper(config.admin_token, AccessTokens(config.token_key))
    app.state.gatekeeper = gatekeeper
    app.state.identity_provider = (
        None if config.oidc is None else IdentityProvider(config.oidc, config.cipher)
    )
    app.state.public_url = config.public_url
    app.state.newest_migration = config.newest_migration
    app.state.tracking_views = TrackingViews()
    app.state.page_config = config.page_config
    app.state.public_names = PublicNames()
    app.state.fleet_map = FleetMap()
    for router in ROUTERS:
        app.include_router(router, dependencies=[Depends(admit)])
    access_rules.check([*app.routes, *(route for router in ROUTERS for route in router.routes)])
    app.mount("/assets", pages.assets(), name="assets")
    problems.install(app)
    openapi.install(app)
    app.add_middleware(LimitedBodies, max_bytes=config.max_body_bytes)
    app.add_middleware(LimitedRates, rates=config.rates, exempt=gatekeeper.is_admin_token)
    if config.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=config.cors_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "If-None-Match", "Last-Event-ID"],
            expose_headers=["ETag", "Retry-After"],
        )
    tiles = config.page_config.tiles
    app.add_middleware(SecurityHeaders, tile_url=None if tiles is None else tiles.url)
    app.add_middleware(MeasuredRequests, metrics=metrics)
    return app


def _lifespan(
    config: ApiConfig, sources: Sources, metrics: ApiMetrics
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        longest_s = config.longest_statement_s
        pool = await open_pool(config.database_url, longest_statement_s=longest_s)
        view_pool = await open_pool(
            config.database_url, max_size=VIEW_CONNECTIONS, plan_once=True, longest_statement_s=longest_s
        )
        live = ChangeHub(config.database_url, pool, metrics, sources.clock)
        try:
            await live.start()
            app.state.services = Services(
                pool, view_pool, config.cipher, live, metrics, sources, config.router, HouseRules()
            )
            yield
        finally:
            await live.stop()
            pool.terminate()
            view_pool.terminate()

    return running
