"""The dispatcher's page in a real browser: alerts worked by keyboard and seen by others, board, drawers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from browser import DESK, chromium, opened, sign_in
from lively_world import PASSWORD, LivelyWorld, alarm, lively_world
from playwright.async_api import Page, expect

from domain.access import Role

WITHIN_MS = 60_000


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[LivelyWorld]:
    async with lively_world(database_url) as world:
        yield world


async def _enter(page: Page, world: LivelyWorld, role: Role) -> None:
    await sign_in(page, world.logins[role], PASSWORD)
    # Leaving while the session is being renewed would end it.
    await page.locator(".who").wait_for()
    if role is not Role.DISPATCHER:
        await page.goto("/")
    await expect(page.locator("[data-connection=live]")).to_be_visible(timeout=WITHIN_MS)


@pytest.mark.lasts(40)
async def test_a_late_risk_is_worked_by_keyboard_and_another_browser_sees_it(world: LivelyWorld) -> None:
    async with (
        chromium() as browser,
        opened(browser, world.url, size=DESK) as page,
        opened(browser, world.url, size=DESK, language="en") as other,
    ):
        await _enter(page, world, Role.DISPATCHER)
        await _enter(other, world, Role.WAREHOUSE)
        await expect(page.locator("[data-alert]")).to_have_count(1, timeout=WITHIN_MS)

        await alarm(world.api, world.orders["far"], world.vehicles["far"], "late_risk")
        await expect(page.locator("[data-alert]")).to_have_count(2, timeout=WITHIN_MS)
        await expect(other.locator("[data-alert]")).to_have_count(2, timeout=WITHIN_MS)

        await page.keyboard.press("j")
        await expect(page.locator("[data-alert]").first.locator(".row")).to_be_focused()
        await page.keyboard.press("a")
        await expect(other.get_by_text("Seen by demo-dispatcher")).to_be_visible(timeout=WITHIN_MS)

        await page.keyboard.press("n")
        await page.keyboard.type("已联系司机")
        await page.get_by_role("dialog").get_by_role("button", name="备注").click()
        await other.locator("[data-alert]").first.locator(".row").click()
        await expect(other.get_by_text("已联系司机")).to_be_visible(timeout=WITHIN_MS)
        # The warehouse may say that it saw an alert, and no more.
        await expect(other.locator(".acts button")).to_have_count(2)
        await expect(other.locator("a[href^='tel:']")).to_have_count(0)

        await expect(page.locator("[data-alert]").first.locator(".row")).to_be_focused()
        await page.keyboard.press("Enter")
        drawer = page.get_by_role("complementary")
        await expect(drawer.get_by_role("img", name="预计到达")).to_be_visible(timeout=WITHIN_MS)
        await page.keyboard.press("Escape")
        await expect(drawer).to_have_count(0)
        await expect(page.locator("[data-alert]").first.locator(".row")).to_be_focused()

        await page.keyboard.press("r")
        await page.get_by_role("dialog").get_by_role("button", name="了结").click()
        await expect(other.locator("[data-alert]")).to_have_count(1, timeout=WITHIN_MS)


@pytest.mark.lasts(30)
async def test_the_board_search_drawers_and_being_offline(world: LivelyWorld) -> None:
    async with chromium() as browser, opened(browser, world.url, size=DESK) as page:
        await _enter(page, world, Role.DISPATCHER)
        await expect(page.locator("[data-vehicles='7']")).to_be_visible(timeout=WITHIN_MS)

        await page.get_by_role("link", name="看板").click()
        await expect(page.locator("[data-board=shown] li a")).to_have_count(
            len(world.orders), timeout=WITHIN_MS
        )
        await page.locator("[data-board=shown] li a").first.click()
        drawer = page.get_by_role("complementary")
        await expect(drawer.get_by_role("heading", name="环节")).to_be_visible(timeout=WITHIN_MS)
        await expect(drawer.locator("a[href^='tel:']")).to_be_visible()

        await page.keyboard.press("Control+k")
        await page.keyboard.type("沪A6281")
        await expect(page.get_by_role("option")).to_have_count(1, timeout=WITHIN_MS)
        await page.keyboard.press("Enter")
        await expect(drawer.get_by_text("上海嘉定仓—苏州园区")).to_be_visible(timeout=WITHIN_MS)
        await page.go_back()
        await expect(drawer.get_by_role("heading", name="环节")).to_be_visible(timeout=WITHIN_MS)

        await page.context.set_offline(True)
        await expect(page.get_by_role("alert").filter(has_text="连接已断开")).to_be_visible(timeout=WITHIN_MS)
        await page.context.set_offline(False)
        await expect(page.get_by_text("连接已断开")).to_have_count(0, timeout=WITHIN_MS)
