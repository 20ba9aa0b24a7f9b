"""The API as it is served, with a bare route beside the others, behind the same middleware."""

from __future__ import annotations

from api.__main__ import Server, config_of, system_sources
from api.app import create_app
from runtime.logging import configure_logging
from runtime.settings import load_settings


async def bare() -> dict[str, bool]:
    """As little as a route can do."""
    return {"ok": True}


def main() -> None:
    """Serve until told to stop."""
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format, "api")
    app = create_app(config_of(settings), system_sources())
    app.add_api_route("/bare", bare)
    Server(app, settings.api_host, settings.api_port, settings.trusted_proxies).run()


if __name__ == "__main__":
    main()
