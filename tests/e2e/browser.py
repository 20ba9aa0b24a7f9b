"""Chromium as tests and screenshots use it: Debian's own, drawing maps without a graphics card."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
EXECUTABLE = "/usr/bin/chromium"
WITHIN_MS = 60_000
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 900}
OPTIONS = [
    "--no-sandbox",
    # Chromium's own software renderer: without these two there is no WebGL on a machine without a card.
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser for the time of the body."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=EXECUTABLE, args=OPTIONS, timeout=2 * WITHIN_MS
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def opened(
    browser: Browser,
    url: str,
    *,
    language: str = "zh-CN",
    theme: str = "light",
    size: dict[str, int] | None = None,
) -> AsyncIterator[Page]:
    """A page of a reader with this language and theme, in Shanghai; its errors end the test.

    What the pages' policy refuses is an error, too.
    """
    wrong: list[str] = []
    context = await browser.new_context(
        base_url=url,
        locale=language,
        color_scheme="dark" if theme == "dark" else "light",
        timezone_id="Asia/Shanghai",
        viewport=size or PHONE,  # type: ignore[arg-type]
        device_scale_factor=1,
    )
    context.set_default_timeout(WITHIN_MS)
    page = await context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if _is_refusal(said.text) else None)
    try:
        yield page
    finally:
        await context.close()
    assert wrong == []


def _is_refusal(text: str) -> bool:
    return "Content Security Policy" in text


async def sign_in(page: Page, login: str, password: str) -> None:
    """Sign in by the form; ends on the page of the role."""
    await page.goto("/signin")
    await page.locator("input[autocomplete=username]").fill(login)
    await page.locator("input[autocomplete=current-password]").fill(password)
    await page.locator("form button[type=submit]").click()
    await page.wait_for_url(lambda url: "/signin" not in url)


async def serious_findings(page: Page) -> list[str]:
    """What axe finds serious or critical on the page as it is, by rule and element."""
    # Injected past the pages' policy, as a reader's own tool would be.
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = await page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['target']} {node.get('failureSummary', '')}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
