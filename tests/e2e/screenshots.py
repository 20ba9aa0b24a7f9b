"""`make screenshots`: every page in both languages, light and dark, on a phone and on a desk.

ONLY=track-late takes only pictures whose name begins so.
"""

from __future__ import annotations

import os
from itertools import product

import pytest
from browser import DESK, PHONE, ROOT, chromium, opened
from lively_world import lively_world
from pages import PAGES

FOLDER = ROOT / ".zaitu" / "screenshots"
SIZES = {"phone": PHONE, "desk": DESK}


@pytest.mark.timeout(3600)
async def test_take_screenshots(database_url: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    only = os.environ.get("ONLY", "")
    async with lively_world(database_url) as world, chromium() as browser:
        for shown, language, theme, size in product(PAGES, ("zh-CN", "en"), ("light", "dark"), SIZES):
            path = FOLDER / f"{shown.name}.{language}.{theme}.{size}.png"
            if not path.name.startswith(only):
                continue
            async with opened(browser, world.url, language=language, theme=theme, size=SIZES[size]) as page:
                await shown.visit(page, world)
                await page.screenshot(path=path, full_page=True)
            print(path.relative_to(ROOT), flush=True)  # noqa: T201
