"""The dispatcher's page in a real browser: alerts worked by keyboard and seen by others, board, drawers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager

import httpx
import pytest
import pytest_asyncio
from browser import DESK, chromium, opened, sign_in
from lively_world import PASSWORD, LivelyWorld, alarm, lively_world
from playwright.async_api import Page, expect

from domain.access import Role

WITHIN_MS = 60_000


# One worker runs them all, in one company: setting it up takes as long as a test.
pytestmark = [pytest.mark.xdist_group("dispatch"), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(another_database: Callable[[], AbstractContextManager[str]]) -> AsyncIterator[LivelyWorld]:
    with another_database() as database_url:
        async with lively_world(database_url) as world:
            yield world


async def _enter(page: Page, world: LivelyWorld, role: Role) -> None:
    await sign_in(page, world.logins[role], PASSWORD)
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

        await page.keyboard.press("g")
        await page.get_by_role("dialog").get_by_role("button", name="指派").click()
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await expect(page.locator("[data-alert]").first.locator(".row")).to_be_focused()
        await expect(other.locator("[data-alert]").first).to_contain_text("demo-dispatcher")

        await page.keyboard.press("r")
        await page.get_by_role("dialog").get_by_role("button", name="了结").click()
        await expect(other.locator("[data-alert]")).to_have_count(1, timeout=WITHIN_MS)

        await page.locator("[data-alert]").first.locator(".row").focus()
        await page.keyboard.press("s")
        await page.get_by_role("dialog").get_by_role("button", name="稍后").click()
        await expect(page.locator("[data-alert]")).to_have_count(0, timeout=WITHIN_MS)
        await expect(other.locator("[data-alert]")).to_have_count(0, timeout=WITHIN_MS)
        await _warehouse_sees_no_track_and_gives_no_vehicle(other, world)


async def _warehouse_sees_no_track_and_gives_no_vehicle(page: Page, world: LivelyWorld) -> None:
    """What its role may not do is not shown, and the API refuses it with this page's own token."""
    token = await _token_of(page)
    order, vehicle = world.orders["under way"], world.vehicles["under way"]
    await page.goto(f"/#live/vehicle/{vehicle}")
    drawer = page.get_by_role("complementary")
    await expect(drawer.get_by_text("上海嘉定仓—苏州园区")).to_be_visible(timeout=WITHIN_MS)
    await expect(drawer.get_by_role("button", name="Show the track")).to_have_count(0)
    await page.goto(f"/#live/order/{order}")
    await expect(drawer.get_by_role("heading", name="Stages")).to_be_visible(timeout=WITHIN_MS)
    await expect(drawer.get_by_role("button", name="vehicle")).to_have_count(0)
    async with httpx.AsyncClient(base_url=world.url, headers={"Authorization": token}) as client:
        seen = [await client.get(path) for path in ("/v1/me", f"/v1/orders/{order}")]
        whole = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
        refused = [
            await client.get(f"/v1/vehicles/{vehicle}/track", params=whole),
            await client.get(f"/v1/orders/{order}/candidates"),
            await client.post(f"/v1/orders/{order}/assignment", json={"vehicle_id": vehicle}),
        ]
    assert ([each.status_code for each in seen], [each.status_code for each in refused]) == (
        [200, 200],
        [403, 403, 403],
    )


async def _token_of(page: Page) -> str:
    """What the page signs its requests with."""
    async with page.expect_request(lambda request: "authorization" in request.headers) as asked:
        await page.reload()
    return (await asked.value).headers["authorization"]


@pytest.mark.lasts(30)
async def test_an_order_is_given_to_another_vehicle_and_a_track_is_played(world: LivelyWorld) -> None:
    async with chromium() as browser, opened(browser, world.url, size=DESK, language="en") as page:
        await _enter(page, world, Role.DISPATCHER)
        await page.goto(f"/#board/order/{world.orders['to pack']}")
        drawer = page.get_by_role("complementary")
        await drawer.get_by_role("button", name="vehicle").click()
        dialog = page.get_by_role("dialog")
        candidate = dialog.get_by_role("button", name="Choose ").first
        label = (await candidate.get_attribute("aria-label") or "").removeprefix("Choose ")
        await candidate.click()
        await expect(drawer.get_by_role("link", name=label)).to_be_visible(timeout=WITHIN_MS)

        await page.goto(f"/#board/vehicle/{world.vehicles['under way']}")
        await drawer.get_by_role("button", name="Show the track").click()
        slider = drawer.get_by_role("slider", name="Time")
        newest = float(await slider.input_value(timeout=WITHIN_MS))
        await expect(drawer.locator("[data-map=ready]")).to_be_visible(timeout=WITHIN_MS)
        await slider.focus()
        await page.keyboard.press("Home")
        oldest = float(await slider.input_value())
        # Eight fixes, two minutes apart but for the last, which is where the vehicle is when it is asked.
        assert newest - oldest == pytest.approx(14 * 60_000, abs=60_000)
        await page.keyboard.press("Space")
        await page.wait_for_function(
            "oldest => Number(document.querySelector('aside input[type=range]').value) > oldest", arg=oldest
        )
        await expect(slider).to_have_attribute("aria-valuetext", re.compile("72 km/h"))


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
