"""What the pages need to know of the installation before anybody logs in."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api.schemas.page_config import PageConfig

router = APIRouter(prefix="/v1", tags=["pages"])


@router.get("/config")
async def get_page_config(request: Request, response: Response) -> PageConfig:
    """The installation's name and zone, its map tiles, and a demo's logins."""
    response.headers["Cache-Control"] = "no-cache"
    config: PageConfig = request.app.state.page_config
    return config
