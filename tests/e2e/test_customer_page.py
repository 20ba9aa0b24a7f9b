"""A customer's page in a real browser, while a truck drives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest
from browser import chromium, opened
from company import drive, fix, payload, scan
from ingest_process import publisher
from playwright.async_api import Page, expect
from services import opened_office

from runtime.stack.mosquitto import Broker

WITHIN_MS = 60_000


@pytest.mark.lasts(40)
async def test_a_truck_that_drives_moves_on_the_page_which_says_where_when_and_that_it_is_live(
    database_url: str, broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left_at = datetime.now(UTC) - timedelta(minutes=10)
    standing = [fix(left_at + timedelta(seconds=10 * turn - 100), 0.0, seq=turn) for turn in range(10)]
    async with (
        opened_office(database_url, broker, tmp_path, left_at - timedelta(hours=1)) as office,
        chromium() as browser,
    ):
        token = await office.order(await office.truck())
        async with opened(browser, office.url) as page:
            await page.goto(f"/track/{token}")
            await expect(page.locator("[data-connection=live]")).to_have_text("实时更新", timeout=WITHIN_MS)
            await expect(page.get_by_role("heading", level=1)).to_have_text("正在准备发货")

            with publisher(broker) as publish:
                publish("trk-1/scan", payload(scan(left_at - timedelta(minutes=1), "P1", "load")))
                publish("trk-1/gps", payload([*standing, *drive(left_at, 0, 3_000)]))
            await expect(page.get_by_role("heading", level=1)).to_have_text("运输途中", timeout=WITHIN_MS)
            await expect(page.locator("[data-window]")).to_be_visible(timeout=WITHIN_MS)
            await expect(page.locator("[aria-current=step]")).to_contain_text("已发车")
            before = await _place(page)
            window = await page.locator("[data-window]").get_attribute("data-window")

            with publisher(broker) as publish:
                published_at = monotonic()
                publish("trk-1/gps", payload(fix(datetime.now(UTC), 29_000, seq=100)))
            await page.wait_for_function(
                "before => document.querySelector('.vehicle')?.dataset.place !== before", arg=before
            )
            await page.wait_for_function(
                "window => document.querySelector('[data-window]')?.dataset.window !== window", arg=window
            )
            new_window_s = monotonic() - published_at

            with publisher(broker) as publish:
                published_at = monotonic()
                publish("trk-1/scan", payload(scan(datetime.now(UTC), "P1", "out_for_delivery")))
            await expect(page.locator("[aria-current=step]")).to_contain_text("派送中", timeout=WITHIN_MS)
            with capsys.disabled():
                print(  # noqa: T201
                    f"\nFrom MQTT to the page: a new window in {new_window_s:.2f} s, "
                    f"a milestone in {monotonic() - published_at:.2f} s"
                )

            await _offline_and_back(page)
            await _language_is_kept(page)


async def _place(page: Page) -> str | None:
    await page.locator(".vehicle[data-place]").wait_for(timeout=WITHIN_MS)
    return await page.locator(".vehicle").get_attribute("data-place")


async def _offline_and_back(page: Page) -> None:
    await page.context.set_offline(True)
    await expect(page.locator("[data-connection=offline]")).to_be_visible(timeout=WITHIN_MS)
    await page.context.set_offline(False)
    await expect(page.locator("[data-connection=live]")).to_be_visible(timeout=WITHIN_MS)


async def _language_is_kept(page: Page) -> None:
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Out for delivery")
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Out for delivery", timeout=WITHIN_MS)
    assert await page.locator("html").get_attribute("lang") == "en"
