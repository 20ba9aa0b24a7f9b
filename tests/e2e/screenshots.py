"""`make screenshots`: every page in both languages, light and dark, on a phone and on a desk.

ONLY=track-late takes only pictures whose name begins so; it may hold `*`, as in ONLY='track-*.en.dark'.
The three that the README shows are written to docs/images as well.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase
from itertools import groupby, product

import pytest
from browser import DESK, PHONE, ROOT, chromium, opened
from lively_world import LivelyWorld, lively_world
from pages import PAGES, Shown
from playwright.async_api import Browser, Page

FOLDER = ROOT / ".zaitu" / "screenshots"
README_IMAGES = ROOT / "docs" / "images"
README_SHOWS = {
    "dispatch-order.en.light.desk.png": "dispatcher.png",
    "track-near.en.light.phone.png": "customer.png",
    "dispatch-board.zh-CN.dark.desk.png": "board.png",
}
MOST_PICTURES = 6
SIZES = {"phone": PHONE, "desk": DESK}
LOOKS = tuple(product(("zh-CN", "en"), ("light", "dark"), SIZES))


@pytest.mark.lasts(600)
@pytest.mark.timeout(3600)
async def test_take_screenshots(database_url: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    only = os.environ.get("ONLY", "") + "*"
    async with lively_world(database_url) as world, chromium() as browser:
        # Signed in once for all pages of a role that look alike: the longest part of a visit.
        for _role, pages in groupby(PAGES, key=lambda shown: shown.role):
            shown_to_role = tuple(pages)
            for look in LOOKS:
                chosen = {
                    shown: name for shown in shown_to_role if fnmatchcase(name := _name(shown, look), only)
                }
                if not chosen:
                    continue
                async with _signed_in(browser, world, chosen, look) as page:
                    for shown, name in chosen.items():
                        await shown.look(page, world)
                        await _take(page, name)


def _name(shown: Shown, look: tuple[str, str, str]) -> str:
    return ".".join((shown.name, *look, "png"))


@asynccontextmanager
async def _signed_in(
    browser: Browser, world: LivelyWorld, chosen: dict[Shown, str], look: tuple[str, str, str]
) -> AsyncIterator[Page]:
    language, theme, size = look
    async with opened(browser, world.url, language=language, theme=theme, size=SIZES[size]) as page:
        await next(iter(chosen)).enter(page, world)
        yield page


async def _still(page: Page) -> bytes:
    """The page once two pictures of it are alike (a map gets its names late), or the last of some."""
    before = b""
    for _ in range(MOST_PICTURES):
        now = await page.screenshot(full_page=True)
        if now == before:
            break
        before = now
    return now


async def _take(page: Page, name: str) -> None:
    path = FOLDER / name
    path.write_bytes(await _still(page))
    print(path.relative_to(ROOT), flush=True)  # noqa: T201
    if name in README_SHOWS:
        README_IMAGES.mkdir(exist_ok=True)
        shutil.copyfile(path, README_IMAGES / README_SHOWS[name])
