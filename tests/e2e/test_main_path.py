"""The main path, through the real processes: a truck's fixes by MQTT, its order's page by event stream."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from company import Company, drive, fix, north, payload, scan
from event_stream import EventReader
from ingest_process import publisher, wait_until
from services import ADMIN_TOKEN, opened_office, running_services

from runtime.stack.mosquitto import Broker
from simulators.clock import SystemClock
from simulators.faults import FAULTS
from simulators.fleet import FleetOptions, run_fleet


async def test_a_truck_that_drives_off_moves_on_its_orders_page(
    database_url: str, broker: Broker, tmp_path: Path
) -> None:
    left_at = datetime.now(UTC) - timedelta(minutes=10)
    standing = [fix(left_at + timedelta(seconds=10 * turn - 100), 0.0, seq=turn) for turn in range(10)]
    async with opened_office(database_url, broker, tmp_path, left_at - timedelta(hours=1)) as office:
        token = await office.order(await office.truck())
        async with office.client.stream("GET", f"/v1/track/{token}/events") as response:
            page = EventReader(response)
            before = (await page.next("view")).data

            with publisher(broker) as publish:
                publish("trk-1/scan", payload(scan(left_at - timedelta(minutes=1), "P1", "load")))
                publish("trk-1/gps", payload([*standing, *drive(left_at, 0, 3_000)]))
            # The scan is eleven minutes old: with the backlog, it is committed after the live fixes.
            driving = await _view_where(page, {"received", "loaded", "dispatched"})
            with publisher(broker) as publish:
                publish("trk-1/gps", payload(fix(datetime.now(UTC), 8_000, seq=100)))
            moved = await _view_where(page, {"dispatched"}, beyond=driving["vehicle"]["lat"])

    assert (before["vehicle"], _reached(before)) == (None, {"received"})
    assert driving["vehicle"]["label"] == "沪A12345"
    # From afar customers are told about where it is: somewhere in a cell of a kilometre.
    assert moved["vehicle"]["lat"] == pytest.approx(north(8_000), abs=0.01)
    assert moved["stops"][-1]["eta"] is not None


def _reached(view: Any) -> set[str]:
    return {milestone["stage"] for milestone in view["milestones"] if milestone["actual_at"]}


async def _view_where(page: EventReader, stages: set[str], beyond: float = 0.0) -> Any:
    """The first view with these stages reached, the vehicle further north and an arrival expected."""
    while True:
        view = (await page.next("view")).data
        is_there = view["vehicle"] is not None and view["vehicle"]["lat"] > beyond
        if stages <= _reached(view) and is_there and view["stops"][-1]["eta"] is not None:
            return view


async def test_a_fleet_with_every_fault_that_keeps_facts_until_their_receipts_balances_its_books(
    broker: Broker, company: Company, database_url: str, tmp_path: Path
) -> None:
    def counted() -> dict[str, int]:
        return {
            "stored": company.value(
                "select (select count(*) from position) + (select count(*) from scan) "
                "+ (select count(*) from reading)"
            ),
            "quarantined": company.value("select count(*) from quarantine"),
            "rejected": int(company.value("select coalesce(sum(times), 0) from rejected")),
        }

    async with running_services(database_url, broker, tmp_path) as url:
        options = FleetOptions(
            mqtt_url=broker.simulator_url,
            api_url=url,
            token=ADMIN_TOKEN,
            run="t",
            vehicles=4,
            duration_s=12.0,
            faults=dict.fromkeys(FAULTS, 0.03),
            keep_until_receipt=True,
        )
        final = await asyncio.to_thread(run_fleet, options, SystemClock(threading.Event()))
        expected = {name: final[name] for name in ("stored", "quarantined", "rejected")}
        await asyncio.to_thread(wait_until, lambda: counted() == expected, f"{expected} in the database")

    assert final["stored"]
    assert final["unconfirmed"] == 0
    assert final["without_receipt"] == 0, "every fact that can be read is committed, or refused for good"
    assert counted() == expected
