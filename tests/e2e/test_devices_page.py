"""Device health and rejected payloads in a real browser, with a real broker and ingest behind them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from browser import DESK, chromium, opened, serious_findings, sign_in
from company import fix, payload
from ingest_process import publisher, wait_until
from playwright.async_api import expect
from services import opened_office

from runtime.stack.mosquitto import Broker

expect.set_options(timeout=60_000)
PASSWORD = "a manager's of this test only"


@pytest.mark.lasts(50)
async def test_what_was_rejected_is_opened_and_tried_again_and_only_those_who_may_see_it(
    database_url: str, broker: Broker, tmp_path: Path
) -> None:
    async with (
        opened_office(database_url, broker, tmp_path, datetime.now(UTC) - timedelta(hours=1)) as office,
        chromium() as browser,
    ):
        await office.truck()
        for login, role in (("mgr-1", "manager"), ("dsp-1", "dispatcher")):
            await office.add("users", login=login, password=PASSWORD, role=role, depot_ids=[office.depot])
        with publisher(broker) as publish:
            publish("trk-2/gps", payload(fix(datetime.now(UTC), 0.0, seq=1)))
            publish("trk-1/gps", b'{"ts": 1')
        async with opened(browser, office.url, language="en", size=DESK) as page:
            await sign_in(page, "mgr-1", PASSWORD)
            await page.goto("/#devices")
            row = page.locator("[data-device=trk-1]")
            await expect(row).to_contain_text("沪A12345")
            assert await serious_findings(page) == []
            await row.get_by_role("button", name="Look at trk-1").click()
            await expect(page.get_by_role("dialog")).to_contain_text("The clock is right.")
            await page.keyboard.press("Escape")

            await row.get_by_role("button", name="Show 1 rejected").click()
            broken = page.locator("[data-rejected]")
            await expect(broken).to_contain_text("Broken JSON")
            assert await serious_findings(page) == []
            await broken.get_by_role("button", name="Open").click()
            await expect(page.get_by_role("dialog")).to_contain_text('{"ts": 1')
            await page.keyboard.press("Escape")
            await broken.get_by_role("button", name="again").click()
            await expect(page.locator("[data-rejected=tried]")).to_be_visible()

            # A device of no depot yet: once it is registered, what it sent is its depot's, and can be used.
            await office.add("devices", depot_id=office.depot, name="trk-2", kind="tracker")
            await page.get_by_label("Filter by device").fill("trk-2")
            await page.get_by_role("button", name="Device not registered").click()
            await expect(page.locator("[data-rejected=new]")).to_have_count(1)
            await page.get_by_role("button", name="Try all of").click()
            await expect(page.locator("[data-rejected=used]")).to_have_count(1)
            assert await serious_findings(page) == []
        async with opened(browser, office.url, language="en", size=DESK) as page:
            await sign_in(page, "dsp-1", PASSWORD)
            await page.goto("/#devices")
            await expect(page.locator("[data-device=trk-1]")).to_be_visible()
            await expect(page.get_by_role("button", name="Rejected payloads")).to_have_count(0)
            await expect(page.get_by_role("button", name="Show 1 rejected")).to_have_count(0)


@pytest.mark.lasts(30)
async def test_a_device_nobody_registered_waits_on_the_page_and_what_it_sent_counts_once_it_is_approved(
    database_url: str, broker: Broker, tmp_path: Path
) -> None:
    async with (
        opened_office(
            database_url, broker, tmp_path, datetime.now(UTC) - timedelta(hours=1), ZAITU_ENROLL="open"
        ) as office,
        chromium() as browser,
    ):
        await office.add("users", login="mgr-1", password=PASSWORD, role="manager", depot_ids=[office.depot])
        with publisher(broker) as publish:
            publish("trk-9/gps", payload(fix(datetime.now(UTC), 0.0, seq=1)))
        async with opened(browser, office.url, language="en", size=DESK) as page:
            await sign_in(page, "mgr-1", PASSWORD)
            await page.goto("/#devices")
            waiting = page.locator("[data-waiting]")
            await expect(waiting).to_contain_text("1 device waits for approval")
            assert await serious_findings(page) == []
            await waiting.get_by_role("button", name="Approve trk-9").click()
            await expect(waiting.get_by_role("status")).to_contain_text("trk-9 is approved")
            await page.get_by_role("button", name="All", exact=True).click()
            await expect(page.locator("[data-device=trk-9]")).to_be_visible()
            assert await serious_findings(page) == []
        with psycopg.connect(database_url, autocommit=True) as connection:
            fixes = "select seq from position join device using (device_id) where name = 'trk-9'"
            await asyncio.to_thread(
                wait_until, lambda: connection.execute(fixes).fetchall() == [(1,)], "the fix kept till then"
            )
