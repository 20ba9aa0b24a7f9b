"""The pages people use, as web/ builds them: a handful of documents, and assets named by their content."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

BUILT_FOLDER = Path(__file__).resolve().parent.parent / "web" / "dist"
_NOT_BUILT = "The pages have not been built. Run `make setup` in the checkout, then try again."
# An asset's name changes with its content; a page's does not, so a browser asks whether it is still the same.
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
# The better one first; the build leaves a compressed file beside each file worth it.
_ENCODINGS = {"br": ".br", "gzip": ".gz"}


class BuiltFiles(StaticFiles):
    """Files of the build, compressed where the client takes that, with `caching` as their Cache-Control."""

    def __init__(self, folder: Path, caching: str) -> None:
        super().__init__(directory=folder, check_dir=False)
        self._caching = caching

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file at a path; HTTPException 404 where there is none."""
        encoding, response = await self._compressed(path, scope)
        if response is None:
            response = await super().get_response(path, scope)
        elif encoding:
            response.headers["Content-Encoding"] = encoding
        response.headers["Cache-Control"] = self._caching
        response.headers["Vary"] = "Accept-Encoding"
        return response

    async def _compressed(self, path: str, scope: Scope) -> tuple[str, Response | None]:
        offered = {part.partition(";")[0].strip() for part in _accepted(scope).split(",")}
        for encoding, ending in _ENCODINGS.items():
            if encoding in offered:
                full_path, found = await asyncio.to_thread(self.lookup_path, path + ending)
                if found is not None:
                    return encoding, self.file_response(full_path, found, scope)
        return "", None


def _accepted(scope: Scope) -> str:
    return Headers(scope=scope).get("accept-encoding", "")


def assets() -> BuiltFiles:
    """Scripts, styles and pictures, to be mounted at /assets."""
    return BuiltFiles(BUILT_FOLDER / "assets", _FOR_EVER)


_documents = BuiltFiles(BUILT_FOLDER, _ASK_AGAIN)
router = APIRouter(include_in_schema=False)


@router.get("/")
async def dispatch_page(request: Request) -> Response:
    """The dispatcher's map, lists and board."""
    return await _page("index.html", request)


@router.get("/track")
async def look_up_page(request: Request) -> Response:
    """Where a customer without a link finds an order."""
    return await _page("track.html", request)


@router.get("/track/{token}")
async def tracking_page(request: Request, token: str) -> Response:
    """A customer's order; the page takes the token from the address."""
    return await _page("track.html", request)


@router.get("/work")
async def work_page(request: Request) -> Response:
    """The tasks of warehouse staff and drivers, on a phone."""
    return await _page("work.html", request)


@router.get("/desk")
async def desk_page(request: Request) -> Response:
    """The service desk: find an order, mend what is wrong with it."""
    return await _page("desk.html", request)


@router.get("/signin")
async def sign_in_page(request: Request) -> Response:
    """Where people log in."""
    return await _page("signin.html", request)


async def _page(name: str, request: Request) -> Response:
    try:
        return await _documents.get_response(name, request.scope)
    except HTTPException as exc:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, _NOT_BUILT) from exc
