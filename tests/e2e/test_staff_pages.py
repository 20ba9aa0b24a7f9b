"""What staff do on their pages, in a real browser: in the warehouse, in the cab, at the service desk."""

from __future__ import annotations

import pytest
from browser import DESK, chromium, opened, sign_in
from lively_world import PASSWORD, LivelyWorld, lively_world
from playwright.async_api import Page, expect

from domain.access import Role

WITHIN_MS = 60_000
expect.set_options(timeout=WITHIN_MS)


@pytest.mark.lasts(40)
async def test_staff_confirm_tasks_drivers_hand_over_and_the_desk_puts_an_order_right(
    database_url: str,
) -> None:
    async with lively_world(database_url) as world, chromium() as browser:
        async with opened(browser, world.url) as page:
            await _confirms_in_time_and_gives_a_reason_when_late(page, world)
        async with opened(browser, world.url) as page:
            await _hands_over(page, world)
        async with opened(browser, world.url, size=DESK) as page:
            await _puts_right(page, world)
        async with opened(browser, world.url) as page:
            await _is_told_that_the_page_is_not_theirs(page, world)


async def _confirms_in_time_and_gives_a_reason_when_late(page: Page, world: LivelyWorld) -> None:
    await sign_in(page, world.logins[Role.WAREHOUSE], PASSWORD)
    task = page.locator("article[data-clock=stock_locked][data-order=TEL-2041]")
    await expect(task).to_contain_text("剩余")
    await task.get_by_role("button", name="确认完成").click()
    await expect(task).to_have_count(0)
    assert await _is_done(world, "to lock", "stock_locked")

    late = page.locator("article[data-clock=stock_locked][data-order=TEL-2039]")
    await expect(late).to_contain_text("超时")
    await late.get_by_role("button", name="确认完成").click()
    await late.get_by_role("button", name="提交并确认").click()
    await expect(late).to_contain_text("请填写原因")
    await late.get_by_label("超时原因").fill("货架盘点")
    await late.get_by_role("button", name="提交并确认").click()
    await expect(late).to_have_count(0)
    assert await _is_done(world, "to lock late", "stock_locked")

    await page.get_by_label("扫描或输入包裹码").fill("TEL-2040-1")
    await page.keyboard.press("Enter")
    named = page.locator(".found")
    await expect(named).to_contain_text("TEL-2040")
    await named.get_by_role("button", name="确认完成").click()
    await expect(named.locator("article")).to_have_count(0)
    assert await _is_done(world, "to pack", "packed")


async def _hands_over(page: Page, world: LivelyWorld) -> None:
    await sign_in(page, world.logins[Role.DRIVER], PASSWORD)
    await expect(page.locator("li[aria-current=step]")).to_contain_text("上海嘉定仓")
    stop = page.locator("li", has_text="苏州园区").last
    order = stop.locator("[data-order=RD-3100]")
    await expect(order).to_contain_text("周梅")
    await order.get_by_role("button", name="确认送达").click()
    await order.get_by_label("签收人").fill("周梅")
    await order.get_by_role("button", name="提交").click()
    await expect(page.get_by_text("RD-3100 已记录")).to_be_visible()
    await expect(order.get_by_role("button", name="确认送达")).to_have_count(0)
    found = await world.api.get(f"/v1/orders/{world.orders['round 0']}")
    assert (found["state"], [proof["signed_by"] for proof in found["proofs"]]) == ("delivered", ["周梅"])


async def _puts_right(page: Page, world: LivelyWorld) -> None:
    await sign_in(page, world.logins[Role.CUSTOMER_SERVICE], PASSWORD)
    await page.get_by_role("searchbox").fill("TEL-2043")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="TEL-2043")).to_be_visible()
    await expect(page.get_by_text("缺少：商品明细", exact=True)).to_be_visible()
    phone = page.get_by_label("电话", exact=True)
    await expect(phone).to_have_value("+8613900005678")
    await phone.fill("call me")
    await page.get_by_role("button", name="保存").click()
    await expect(phone).to_have_attribute("aria-invalid", "true")
    await phone.fill("+8613611112222")
    await page.get_by_role("button", name="保存").click()
    await expect(page.get_by_text("已保存")).to_be_visible()
    found = await world.api.get(f"/v1/orders/{world.orders['incomplete']}")
    assert found["contact"]["phone"] == "+8613611112222"
    assert found["contact"]["name"] == "李静"

    await page.goto(f"/desk?order={world.orders['in doubt']}")
    await page.get_by_role("button", name="就是这里").first.click()
    await expect(page.get_by_text("地址已确认")).to_be_visible()
    settled = await world.api.get(f"/v1/orders/{world.orders['in doubt']}")
    # A district has no point of its own: the geocoder is asked about the address in it.
    assert settled["address"]["placing"] == "pending"

    await page.get_by_role("button", name="重新发送查询链接").click()
    link = await page.get_by_label("查询链接", exact=True).input_value()
    assert (await world.api.client.get(f"/v1/track/{link.rsplit('/', 1)[1]}")).status_code == 200


async def _is_told_that_the_page_is_not_theirs(page: Page, world: LivelyWorld) -> None:
    await sign_in(page, world.logins[Role.WAREHOUSE], PASSWORD)
    await page.locator("article[data-clock]").first.wait_for()
    await page.goto("/desk")
    await expect(page.get_by_role("status").filter(has_text="这个页面不对您的角色开放")).to_be_visible()


async def _is_done(world: LivelyWorld, shows: str, stage: str) -> bool:
    found = await world.api.get(f"/v1/orders/{world.orders[shows]}")
    return any(one["stage"] == stage and one["actual_at"] for one in found["milestones"])
