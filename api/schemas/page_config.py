"""What the pages need to know of the installation before anybody logs in."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.schemas.base import Response
from domain.access import Role


class TileSource(Response):
    """Where the map's picture tiles come from; without one the pages draw land and water themselves."""

    url: str = Field(description="with {z}, {x} and {y}")
    datum: Literal["wgs84", "gcj02"] = Field(description="what the tiles are drawn in; the pages convert")
    attribution: str


class DemoLogin(Response):
    """Somebody of a demo, whom everybody may be."""

    login: str
    password: str
    role: Role


class PageConfig(Response):
    """The installation, as everybody may know it."""

    name: str
    operating_zone: str = Field(description="IANA time zone the company works in")
    tiles: TileSource | None = None
    identity_provider: bool = Field(
        default=False, description="people may log in at GET /v1/oidc/login, a page for browsers"
    )
    demo_logins: list[DemoLogin] = Field(default=[], description="only a demo has any")
