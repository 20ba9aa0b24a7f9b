"""Two plain pages: a customer's order, and the dispatcher's overview; scripts fill them from the API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

from api.texts import LANGUAGES, preferred_language, texts_in

_FOLDER = Path(__file__).parent
STATIC_FOLDER = _FOLDER / "static"

_templates = Jinja2Templates(_FOLDER / "templates")

Asked = Annotated[str | None, Query(alias="lang", max_length=10)]
Accepted = Annotated[str | None, Header(alias="Accept-Language", max_length=1000)]

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@router.get("/")
async def dispatch_page(request: Request, asked: Asked = None, accepted: Accepted = None) -> HTMLResponse:
    """The dispatcher's overview."""
    return _page(request, "dispatch.html", asked, accepted)


@router.get("/track/{token}")
async def tracking_page(
    request: Request, token: str, asked: Asked = None, accepted: Accepted = None
) -> HTMLResponse:
    """A customer's order; its script takes the token from the address."""
    return _page(request, "tracking.html", asked, accepted)


def _page(request: Request, template: str, asked: str | None, accepted: str | None) -> HTMLResponse:
    language = preferred_language(asked, accepted)
    return _templates.TemplateResponse(
        request,
        template,
        {"language": language, "languages": LANGUAGES, "texts": texts_in(language)},
        headers={"Vary": "Accept-Language", "Content-Language": language},
    )
