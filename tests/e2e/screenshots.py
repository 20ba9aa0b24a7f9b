"""`make screenshots`: every page in both languages, light and dark, on a phone and on a desk.

ONLY=track takes only pages whose name begins so.
"""

from __future__ import annotations

import os

import pytest
from browser import DESK, PHONE, ROOT, chromium, opened
from lively_world import lively_world
from pages import PAGES

FOLDER = ROOT / ".zaitu" / "screenshots"
SIZES = {"phone": PHONE, "desk": DESK}


@pytest.mark.timeout(3600)
async def test_take_screenshots(database_url: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = [shown for shown in PAGES if shown.name.startswith(os.environ.get("ONLY", ""))]
    async with lively_world(database_url) as world, chromium() as browser:
        for shown in wanted:
            for language in ("zh-CN", "en"):
                for theme in ("light", "dark"):
                    for size_name, size in SIZES.items():
                        name = f"{shown.name}.{language}.{theme}.{size_name}.png"
                        async with opened(
                            browser, world.url, language=language, theme=theme, size=size
                        ) as page:
                            await shown.visit(page, world)
                            await page.screenshot(path=FOLDER / name, full_page=True)
                        print(FOLDER / name, flush=True)  # noqa: T201
