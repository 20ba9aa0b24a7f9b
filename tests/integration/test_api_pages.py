from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator

import pytest
from api_world import ApiWorld, running_api

from api import pages
from api.schemas.page_config import PageConfig, TileSource

PAGES = ("/", "/track", "/track/some-token", "/work", "/desk", "/signin")
TILES = TileSource(url="https://tiles.example.com/{z}/{x}/{y}.png", datum="gcj02", attribution="them")


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[ApiWorld]:
    async with running_api(database_url) as world:
        yield world


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_comes_without_inline_code_or_foreign_addresses(world: ApiWorld, path: str) -> None:
    page = await world.client.get(path)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'; worker-src 'self'; style-src 'self'" in policy
    assert "connect-src 'self';" in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=|https?://", page.text)
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert addresses
    for address in addresses:
        asset = await world.client.get(address)
        assert asset.status_code == 200
        assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_a_page_seen_before_is_not_sent_again(world: ApiWorld) -> None:
    first = await world.client.get("/signin")
    again = await world.client.get("/signin", headers={"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")


async def test_an_asset_is_sent_as_small_as_the_client_takes_it(world: ApiWorld) -> None:
    page = await world.client.get("/signin")
    script = re.findall(r'src="(/assets/[^"]+\.js)"', page.text)[0]

    async def asked(accepted: str) -> tuple[str | None, bytes]:
        async with world.client.stream("GET", script, headers={"Accept-Encoding": accepted}) as response:
            assert response.headers["content-type"].startswith(("text/javascript", "application/javascript"))
            assert response.headers["vary"] == "Accept-Encoding"
            raw = b"".join([part async for part in response.aiter_raw()])
            return response.headers.get("content-encoding"), raw

    plain, zipped, brotli = [await asked(accepted) for accepted in ("identity", "gzip", "gzip, br")]
    assert [encoding for encoding, _ in (plain, zipped, brotli)] == [None, "gzip", "br"]
    assert len(brotli[1]) < len(plain[1])
    assert gzip.decompress(zipped[1]) == plain[1]


async def test_an_asset_there_is_not_is_a_problem(world: ApiWorld) -> None:
    for path in ("/assets/nothing.js", "/assets/../index.html", "/assets/%2e%2e/index.html"):
        assert (await world.client.get(path)).status_code == 404


async def test_pages_that_were_not_built_say_what_to_do(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_documents", pages.BuiltFiles(pages.BUILT_FOLDER / "nowhere", "no-cache"))
    page = await world.client.get("/signin")

    assert page.status_code == 503
    assert "make setup" in page.json()["detail"]


async def test_everybody_may_know_how_the_installation_presents_itself(world: ApiWorld) -> None:
    told = await world.client.get("/v1/config", headers={"Authorization": ""})

    assert told.json() == {
        "name": "Zaitu",
        "operating_zone": "Asia/Shanghai",
        "tiles": None,
        "demo_logins": [],
        "identity_provider": False,
    }


async def test_pages_may_ask_the_server_of_the_tiles_and_no_other(database_url: str) -> None:
    config = PageConfig(name="Zaitu", operating_zone="Asia/Shanghai", tiles=TILES)
    async with running_api(database_url, page_config=config) as world:
        page = await world.client.get("/")
        told = await world.get("/v1/config")

    assert "connect-src 'self' https://tiles.example.com;" in page.headers["content-security-policy"]
    assert told["tiles"] == TILES.model_dump()
