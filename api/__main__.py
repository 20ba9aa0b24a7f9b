"""The API as a process: read the settings, put the application together, serve it until told to stop."""

from __future__ import annotations

import asyncio
import secrets
import socket
import sys
from datetime import UTC, datetime

import structlog
import uvicorn
from fastapi import FastAPI
from pydantic import TypeAdapter
from uuid_utils.compat import uuid7

from api.app import ApiConfig, create_app
from api.oidc import OidcClient
from api.rates import Rate, Rates
from api.schemas.page_config import DemoLogin, PageConfig, TileSource
from api.services import Sources
from geo.routers import NoWay, Router, valhalla
from geo.routers.cached import CachedRouter
from geo.routers.straight import StraightLines
from migrations.runner import load_migrations, refusal_of_newer
from runtime.logging import configure_logging
from runtime.metrics import Metrics
from runtime.settings import Settings, load_settings, refuse, refuse_taken
from runtime.slow_clients import PatientProtocol
from store.cipher import Cipher
from store.errors import Unavailable
from store.pool import open_connection

LONGEST_GOODBYE_S = 5
# Longer than proxies keep theirs (60 s is usual): a request must not meet a connection being closed.
IDLE_CONNECTION_S = 75
BURST_S = 4.0
_log = structlog.stdlib.get_logger(__name__)


def main() -> None:
    """Run the API until it is told to stop."""
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format, "api")
    if newer := refusal_of_newer(settings.required_database_url()):
        refuse(newer)
    refuse_taken(settings.api_host, settings.api_port, "ZAITU_API_PORT")
    try:
        config = config_of(settings)
        asyncio.run(reach(config.database_url))
    except (Unavailable, NoWay) as exc:
        sys.exit(f"zaitu: {exc}")
    app = create_app(config, system_sources(), Metrics().registry)
    Server(app, settings.api_host, settings.api_port, settings.trusted_proxies).run()


def config_of(settings: Settings) -> ApiConfig:
    """What the application needs of the settings."""
    return ApiConfig(
        database_url=settings.required_database_url(),
        admin_token=settings.admin_token_text(),
        token_key=settings.token_key_bytes(),
        cipher=Cipher.kept(settings.contact_key_text),
        newest_migration=load_migrations()[-1].number,
        router=router_of(settings),
        rates=rates_of(settings),
        longest_statement_s=settings.longest_statement_s,
        cors_origins=settings.cors_origin_list(),
        public_url=settings.public_url,
        oidc=oidc_of(settings),
        page_config=page_config_of(settings),
    )


def oidc_of(settings: Settings) -> OidcClient | None:
    """The identity provider the settings name; None where they name none."""
    if settings.oidc_issuer is None:
        return None
    if settings.oidc_client_id is None or settings.public_url is None:
        refuse("ZAITU_OIDC_ISSUER needs ZAITU_OIDC_CLIENT_ID, and ZAITU_PUBLIC_URL to come back to.")
    secret = settings.oidc_client_secret
    return OidcClient(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        redirect_uri=f"{settings.public_url.rstrip('/')}/v1/oidc/callback",
        client_secret=None if secret is None else secret.get_secret_value(),
        claim=settings.oidc_claim,
    )


def page_config_of(settings: Settings) -> PageConfig:
    """What the settings say about the pages; a demo's logins are in a file that only a demo writes."""
    tiles = None
    if settings.tile_url is not None:
        tiles = TileSource(
            url=settings.tile_url, datum=settings.tile_datum, attribution=settings.tile_attribution
        )
    demo_logins = []
    if settings.demo_logins is not None:
        demo_logins = TypeAdapter(list[DemoLogin]).validate_json(settings.demo_logins.read_bytes())
    return PageConfig(
        name=settings.company_name,
        operating_zone=settings.operating_zone,
        tiles=tiles,
        identity_provider=settings.oidc_issuer is not None,
        demo_logins=demo_logins,
    )


def rates_of(settings: Settings) -> Rates:
    """How often one may ask; four seconds' worth at once, as a page that opens asks for much together."""
    address, key = (
        None if per_s == 0.0 else Rate(per_s, BURST_S * per_s)
        for per_s in (settings.rate_per_address, settings.rate_per_key)
    )
    return Rates(address, key)


def router_of(settings: Settings) -> Router:
    """The routing engine the settings name, and straight lines where it knows no way or there is none.

    Raises NoWay for tiles that cannot be used.
    """
    straight = StraightLines()
    if settings.valhalla_url is not None:
        engine = valhalla.over_http(settings.valhalla_url)
    elif settings.valhalla_tiles is not None:
        engine = valhalla.in_process(settings.valhalla_tiles)
    else:
        return straight
    return CachedRouter(
        engine, straight, lambda reason: _log.warning("no way found, going straight", reason=reason)
    )


async def reach(database_url: str) -> None:
    """Connect to the database once, so that a wrong address is one sentence; raises Unavailable."""
    connection = await open_connection(database_url)
    await connection.close()


def system_sources() -> Sources:
    """The machine's clock and randomness."""
    return Sources(clock=lambda: datetime.now(UTC), new_id=uuid7, new_token=lambda: secrets.token_urlsafe(32))


class Server(uvicorn.Server):
    """Serves an application on an address, and ends its event streams before it stops."""

    def __init__(
        self,
        app: FastAPI,
        host: str,
        port: int,
        trusted_proxies: str = "",
        protocol: type[PatientProtocol] = PatientProtocol,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                http=protocol,
                ws="none",
                log_config=None,
                access_log=False,
                # Whoever is not named here could otherwise call itself any address, and never be locked out.
                proxy_headers=bool(trusted_proxies),
                forwarded_allow_ips=trusted_proxies or None,
                server_header=False,
                timeout_keep_alive=IDLE_CONNECTION_S,
                timeout_graceful_shutdown=LONGEST_GOODBYE_S,
            )
        )
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; streams would otherwise keep it waiting."""
        self._app.state.services.live.end_streams()
        await asyncio.sleep(0)
        await super().shutdown(sockets)


if __name__ == "__main__":
    main()
