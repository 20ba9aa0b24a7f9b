"""Geofences drawn with the mouse in a real browser, and what a truck then does with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from browser import DESK, chromium, opened, serious_findings, sign_in
from company import LAT, LON, METRES_PER_DEGREE, drive, payload
from ingest_process import publisher
from playwright.async_api import FloatRect, Locator, Page, expect
from services import opened_office

from runtime.stack.mosquitto import Broker

expect.set_options(timeout=60_000)
PASSWORD = "a dispatcher's of this test only"


@pytest.mark.lasts(60)
async def test_a_geofence_is_drawn_by_mouse_and_its_crossing_arrives_when_a_truck_drives_through(
    database_url: str, broker: Broker, tmp_path: Path
) -> None:
    async with (
        opened_office(database_url, broker, tmp_path, datetime.now(UTC) - timedelta(hours=1)) as office,
        chromium() as browser,
    ):
        await office.truck()
        # The map looks at the geofences there are: this one brings the truck's road into its middle.
        road = {"type": "LineString", "coordinates": [[LON, LAT], [LON, LAT + 0.04]], "half_width_m": 300}
        await office.add("geofences", depot_id=office.depot, name="road", geometry=road)
        person = {"login": "dsp-1", "password": PASSWORD, "role": "dispatcher", "depot_ids": [office.depot]}
        await office.add("users", **person)
        async with opened(browser, office.url, language="en", size=DESK) as page:
            await sign_in(page, "dsp-1", PASSWORD)
            await page.goto("/#geofences")
            await expect(page.get_by_role("button", name="road")).to_be_visible()
            await expect(page.locator("[data-map=ready]")).to_be_visible()

            canvas = await _drawn_polygon(page)
            assert await serious_findings(page) == []
            await page.get_by_label("Name").fill("Kunshan")
            await _dragged(page, page.locator("[data-handle=middle-0-0-1]"), 0, -40)
            await expect(page.locator(".fence-handle.point")).to_have_count(5)
            await page.get_by_label("Valid from").fill(_an_hour_ago())
            await page.get_by_role("button", name="Save").click()
            await expect(page.locator("[data-repairs=none]")).to_be_visible()
            await expect(page.get_by_text("No vehicle has come or gone yet")).to_be_visible()

            drawn = (await office.client.get("/v1/geofences")).json()["items"]
            corners = next(each for each in drawn if each["name"] == "Kunshan")["geometry"]["coordinates"][0]

            left_at = datetime.now(UTC) - timedelta(minutes=8)
            with publisher(broker) as publish:
                publish("trk-1/gps", payload(drive(left_at, 0, 6_000)))
            await expect(page.locator("[data-crossing=enter]")).to_contain_text("沪A12345")
            await expect(page.locator("[data-crossing=exit]")).to_be_visible()
            assert await serious_findings(page) == []

            await _a_shape_that_crosses_itself_is_repaired_and_says_where(page, canvas)
            await _without_a_mouse(page)
    assert len(corners) == 6
    assert all(abs(lon - LON) < 0.1 and abs(lat - LAT) < 0.1 for lon, lat in corners)


async def _drawn_polygon(page: Page) -> FloatRect:
    """Draw a rectangle around the middle of the map; where the map is."""
    await page.get_by_role("button", name="New geofence").click()
    canvas = await page.locator(".maplibregl-canvas").bounding_box()
    assert canvas is not None
    await _pressed(page, canvas, ((-150, -60), (150, -60), (150, 60), (-150, 60)))
    await page.locator("[data-handle=point-0-0-0]").click()
    await expect(page.locator(".fence-handle.middle")).to_have_count(4)
    return canvas


async def _pressed(page: Page, canvas: FloatRect, places: tuple[tuple[float, float], ...]) -> None:
    """Press on the map, place by place in pixels from its middle."""
    for count, (x, y) in enumerate(places, 1):
        await page.mouse.click(*_from_middle(canvas, x, y))
        await expect(page.locator(".fence-handle.point")).to_have_count(count)


def _from_middle(box: FloatRect, x: float, y: float) -> tuple[float, float]:
    return box["x"] + box["width"] / 2 + x, box["y"] + box["height"] / 2 + y


async def _dragged(page: Page, handle: Locator, x: float, y: float) -> None:
    box = await handle.bounding_box()
    assert box is not None
    await page.mouse.move(*_from_middle(box, 0, 0))
    await page.mouse.down()
    await page.mouse.move(*_from_middle(box, x, y), steps=5)
    await page.mouse.up()


async def _a_shape_that_crosses_itself_is_repaired_and_says_where(page: Page, canvas: FloatRect) -> None:
    await page.get_by_role("button", name="Edit").click()
    await page.get_by_role("button", name="Draw it anew").click()
    await _pressed(page, canvas, ((-150, -60), (150, 60), (150, -60), (-150, 60)))
    await page.get_by_role("button", name="Finish").click()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("its edge crosses itself")).to_be_visible()
    await expect(page.locator(".fence-mark")).to_have_text("1")


async def _without_a_mouse(page: Page) -> None:
    """A circle typed in, its middle moved by arrows, and ended after a question."""
    await page.get_by_role("button", name="Back to the list").press("Enter")
    await page.get_by_role("button", name="New geofence").press("Enter")
    await page.get_by_label("Circle").press("Space")
    await page.get_by_label("Name").fill("Typed")
    await page.get_by_label("Radius (metres)").fill("400")
    await page.get_by_label("Latitude").fill("31.01")
    await page.get_by_label("Longitude").fill("121.02")
    await page.get_by_label("Longitude").press("Tab")
    await expect(page.get_by_label("Longitude")).to_have_value("121.02")
    middle = page.locator("[data-handle=point-0-0-0]")
    await middle.press("ArrowUp")
    latitude = float(await page.get_by_label("Latitude").input_value())
    assert 0 < latitude - 31.01 < 1_000 / METRES_PER_DEGREE
    await page.get_by_role("button", name="Save").press("Enter")
    await expect(page.get_by_text("Circle, radius 400 m")).to_be_visible()
    await page.get_by_role("button", name="End it").press("Enter")
    await page.get_by_role("dialog").get_by_role("button", name="End it").press("Enter")
    await expect(page.get_by_text("The geofence has ended")).to_be_visible()


def _an_hour_ago() -> str:
    """By the browser's clock, which is Shanghai's, as a field for date and time has it."""
    return (datetime.now(UTC) + timedelta(hours=8 - 1)).strftime("%Y-%m-%dT%H:%M")
