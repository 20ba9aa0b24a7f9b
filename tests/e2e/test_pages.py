"""Rules every page keeps, in a real browser: axe finds nothing serious, and a first visit stays small.

Each page in one theme; `make screenshots` sets ZAITU_PAGES=all for both.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from browser import DESK, PHONE, chromium, opened, serious_findings
from lively_world import lively_world
from pages import PAGES
from playwright.async_api import Browser

ALL = os.environ.get("ZAITU_PAGES") == "all"
BOTH = ("light", "dark")
BUDGET_BYTES = 350_000
BUDGET_REQUESTS = 30
# Generous, for a machine that does much else at once; the figure itself is printed.
PAINT_WITHIN_MS = 30_000
# Loaded where a map is shown, after the page can be read: the library, its worker, the tiles of land in view.
MAP_FILES = ("engine-", "maplibre-gl-worker", "ground-")

# PerformanceResourceTiming counts bytes as they went over the wire, so compressed.
_MEASURE = """() => ({
  files: [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .filter(entry => !entry.name.includes('/events'))
    .map(entry => [new URL(entry.name).pathname, entry.encodedBodySize]),
  paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null,
})"""


@pytest.mark.lasts(120)
@pytest.mark.timeout(900)
async def test_no_page_has_a_serious_finding_of_axe_or_is_large(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found: list[str] = []
    lines: list[str] = []
    async with lively_world(database_url) as world, chromium() as browser:
        for number, shown in enumerate(PAGES):
            # By turns: over its siblings each page is seen in both themes, on a phone and on a desk.
            for theme in BOTH if ALL else BOTH[number % 2 :][:1]:
                size = PHONE if (number // 2 + (theme == "dark")) % 2 == 0 else DESK
                async with opened(browser, world.url, theme=theme, size=size) as page:
                    await shown.visit(page, world)
                    found += [f"{shown.name}, {theme}: {each}" for each in await serious_findings(page)]
                    lines.append(_judged(shown.name, await page.evaluate(_MEASURE)))
        await _a_script_of_others_is_refused(browser, world.url)
    with capsys.disabled():
        print("\n" + "\n".join(lines))  # noqa: T201
    assert found == []


def _judged(name: str, measured: dict[str, Any]) -> str:
    files = [(path, size) for path, size in measured["files"] if not any(part in path for part in MAP_FILES)]
    total = sum(size for _, size in files)
    assert total < BUDGET_BYTES, f"{name}: {files}"
    assert len(files) <= BUDGET_REQUESTS, f"{name}: {files}"
    assert measured["paint"] is not None
    assert measured["paint"] < PAINT_WITHIN_MS, name
    return (
        f"{name:<18} {total / 1000:6.1f} kB in {len(files):2} requests, painted in {measured['paint']:.0f} ms"
    )


async def _a_script_of_others_is_refused(browser: Browser, url: str) -> None:
    context = await browser.new_context(base_url=url)
    page = await context.new_page()
    await page.goto("/signin")
    await page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.ran = true';"
        " document.head.append(s); }"
    )
    assert await page.evaluate("window.ran") is None
    await context.close()
