"""What orders make of committed facts, and what a plan made later makes of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from commit_world import KEY, NOW, START, committed, committed_until, message
from company import Company, circle, drive, fix, scan

from domain.access import process_principal
from ingest.committer import Committer
from store import proofs
from store.cipher import Cipher
from store.pool import open_connection


def depot_with_order(company: Company) -> tuple[int, int, int]:
    """Vehicle V1 on a trip from an origin (0 m) over a hub (5 km) to a destination (10 km), and an order."""
    depot = company.depot()
    tracker, scanner = company.device(depot, "trk-1"), company.device(depot, "scn-1", kind="scanner")
    vehicle = company.vehicle(depot, "V1")
    company.assign(tracker, vehicle, START - timedelta(days=1))
    assert scanner
    long_ago = START - timedelta(days=30)
    origin = company.fence(depot, "origin", circle(0, 300), long_ago)
    hub = company.fence(depot, "hub", circle(5_000, 300), long_ago)
    destination = company.fence(depot, "destination", circle(10_000, 300), long_ago)
    stops = [("origin", origin), ("hub", hub), ("destination", destination)]
    places = zip(stops, (0.0, 5_000.0, 10_000.0), strict=True)
    company.trip(depot, vehicle, START - timedelta(hours=1), [(*stop, metres) for stop, metres in places])
    order = company.order(depot, START - timedelta(hours=2), stops, ["P1"])
    return depot, vehicle, order


def stages(company: Company, order: int) -> dict[str, Any]:
    rows = company.rows("select stage, actual_at from milestone where order_id = %s", order)
    return {stage: at for stage, at in rows if at is not None}


async def test_crossings_and_scans_become_the_milestones_of_an_order(
    committer: Committer, company: Company, database_url: str
) -> None:
    _, _, order = depot_with_order(company)
    loaded_at = START + timedelta(seconds=30)

    await committed(
        committer,
        message("scn-1/scan", scan(START, "P1", "pick")),
        message("scn-1/scan", scan(loaded_at, "P1", "load", vehicle="V1")),
        *[message("trk-1/gps", item) for item in drive(START + timedelta(minutes=1), 0, 10_150)],
        message("scn-1/scan", scan(START + timedelta(hours=1), "P1", "out_for_delivery")),
        message("scn-1/scan", scan(START + timedelta(hours=2), "P1", "deliver", signed_by="王小明")),
    )

    done = stages(company, order)
    assert done["picked"] == START
    assert done["loaded"] == loaded_at
    left_after_s = (done["dispatched"] - START - timedelta(minutes=1)).total_seconds()
    assert left_after_s == pytest.approx(300 / 15, abs=1)
    at_hub_after_s = (done["at_hub"] - START - timedelta(minutes=1)).total_seconds()
    assert at_hub_after_s == pytest.approx(4_700 / 15, abs=1)
    assert done["arrived"] > done["at_hub"]
    assert done["delivered"] == START + timedelta(hours=2)
    assert company.value("select count(*) from leg where bound_by = 'scan'") == 1
    connection = await open_connection(database_url)
    (proof,) = await proofs.of_order(connection, process_principal("test"), Cipher(KEY), order)
    await connection.close()
    assert (proof.package_code, proof.signed_by, proof.at) == ("P1", "王小明", START + timedelta(hours=2))
    assert b"\xe7\x8e\x8b" not in company.value("select private_cipher from scan where action = 'deliver'")


async def test_late_fixes_supersede_the_crossing_they_prove_wrong_and_correct_the_milestone(
    committer: Committer, company: Company
) -> None:
    _, vehicle, order = depot_with_order(company)
    left_at = START + timedelta(minutes=30)
    parked = [fix(START + timedelta(minutes=minute), 0) for minute in range(30)]
    await committed(
        committer,
        message("scn-1/scan", scan(START, "P1", "load", vehicle="V1")),
        message("trk-1/gps", [parked[0], *drive(left_at, 0, 10_150)[3:]]),
    )
    guessed = stages(company, order)["dispatched"]

    await committed(committer, message("trk-1/gps", parked[1:]))

    last_parked_at = left_at - timedelta(minutes=1)
    assert guessed < last_parked_at < stages(company, order)["dispatched"]
    exits = company.rows(
        "select at, superseded_at from crossing where vehicle_id = %s and kind = 'exit' "
        "order by at, crossing_id",
        vehicle,
    )
    assert exits[0] == (guessed, NOW)
    assert exits[1] == (stages(company, order)["dispatched"], None)


async def test_a_restart_goes_on_where_the_last_process_stopped(database_url: str, company: Company) -> None:
    _, _, order = depot_with_order(company)
    track = drive(START + timedelta(minutes=1), 0, 10_150)
    messages = [message("scn-1/scan", scan(START, "P1", "load", vehicle="V1"))]
    messages += [message("trk-1/gps", item) for item in track]
    for part in (messages[:20], messages[20:45], messages[45:]):
        connection = await open_connection(database_url)
        await committed(await Committer.on(connection, Cipher(KEY), lambda: NOW), *part)
        connection.terminate()

    crossings = company.rows("select kind, superseded_at from crossing order by at, crossing_id")
    assert crossings == [(kind, None) for kind in ("inside", "exit", "enter", "exit", "enter")]
    assert "arrived" in stages(company, order)


async def test_a_fence_drawn_later_but_valid_since_earlier_finds_the_crossings_of_then(
    committer: Committer, company: Company
) -> None:
    depot = company.depot()
    device, vehicle = company.device(depot, "trk-1"), company.vehicle(depot, "V1")
    company.assign(device, vehicle, START)
    await committed(committer, message("trk-1/gps", drive(START, 0, 3_000)))

    company.fence(depot, "drawn later", circle(1_500, 200), START)
    await committed_until(committer, lambda: company.rows("select from crossing"))

    assert [row[0] for row in company.rows("select kind from crossing order by at")] == ["enter", "exit"]


async def test_a_trip_planned_after_the_load_scan_still_finds_its_packages(
    committer: Committer, company: Company
) -> None:
    depot = company.depot()
    company.device(depot, "scn-1", kind="scanner")
    vehicle = company.vehicle(depot, "V1")
    company.assign(company.device(depot, "trk-1"), vehicle, START - timedelta(days=1))
    places = {"origin": 0.0, "destination": 5_000.0}
    since = START - timedelta(days=30)
    fences = {kind: company.fence(depot, kind, circle(metres, 300), since) for kind, metres in places.items()}
    order = company.order(depot, START - timedelta(hours=2), list(fences.items()), ["P1"])
    await committed(
        committer,
        message("scn-1/scan", scan(START, "P1", "load", vehicle="V1")),
        message("trk-1/gps", drive(START + timedelta(minutes=1), 0, 5_300)),
    )
    assert "arrived" not in stages(company, order)

    stops = [(kind, fences[kind], metres) for kind, metres in places.items()]
    company.trip(depot, vehicle, START - timedelta(hours=1), stops)
    await committed_until(committer, lambda: "arrived" in stages(company, order))

    assert "dispatched" in stages(company, order)


async def test_a_scanner_that_rides_on_a_vehicle_need_not_name_it(
    committer: Committer, company: Company
) -> None:
    _, vehicle, order = depot_with_order(company)
    scanner = company.value("select device_id from device where name = 'scn-1'")
    await committed(
        committer,
        message("scn-1/scan", scan(START, "P1", "load")),
        message("trk-1/gps", drive(START + timedelta(minutes=1), 0, 10_150)),
    )
    assert "dispatched" not in stages(company, order)

    company.assign(scanner, vehicle, START - timedelta(days=1))
    await committed_until(committer, lambda: "arrived" in stages(company, order))

    assert "dispatched" in stages(company, order)


async def test_a_package_code_that_is_also_the_orders_number_is_said_once(
    committer: Committer, company: Company
) -> None:
    _, _, order = depot_with_order(company)
    company.connection.execute("update orders set number = 'P1'")

    for second in range(3):
        await committed(
            committer,
            message("scn-1/scan", scan(START + timedelta(seconds=second), "P1", "pick", seq=second)),
        )

    assert stages(company, order)["picked"] == START
    assert company.value("select count(*) from evidence") == 3


async def test_two_hubs_in_one_fence_need_an_entry_each(committer: Committer, company: Company) -> None:
    depot = company.depot()
    vehicle = company.vehicle(depot, "V1")
    company.assign(company.device(depot, "trk-1"), vehicle, START - timedelta(days=1))
    company.device(depot, "scn-1", kind="scanner")
    since = START - timedelta(days=30)
    places = {"origin": 0.0, "hub": 3_000.0, "destination": 9_000.0}
    fences = {kind: company.fence(depot, kind, circle(metres, 300), since) for kind, metres in places.items()}
    stops = [
        ("origin", fences["origin"]),
        *[("hub", fences["hub"])] * 2,
        ("destination", fences["destination"]),
    ]
    metres = (0.0, 3_000.0, 3_000.0, 9_000.0)
    planned = [(*stop, at) for stop, at in zip(stops, metres, strict=True)]
    company.trip(depot, vehicle, START - timedelta(hours=1), planned)
    order = company.order(depot, START - timedelta(hours=2), stops, ["P1"])

    for part in (
        drive(START + timedelta(minutes=1), 0, 4_500),
        drive(START + timedelta(minutes=7), 4_500, 9_300),
    ):
        await committed(
            committer,
            message("scn-1/scan", scan(START, "P1", "load", vehicle="V1")),
            message("trk-1/gps", part),
        )

    hubs = company.rows(
        "select stop_seq, actual_at is not null from milestone "
        "where stage = 'at_hub' and order_id = %s order by 1",
        order,
    )
    assert hubs == [(1, True), (2, False)]
    assert "arrived" in stages(company, order)


async def test_a_plan_counts_only_while_its_trip_lasts_and_unless_cancelled(
    committer: Committer, company: Company
) -> None:
    _, _, order = depot_with_order(company)
    company.connection.execute(
        "insert into leg (order_id, trip_id, from_seq, to_seq, bound_by, bound_at) "
        "select %s, trip_id, 0, 2, 'plan', %s from trip",
        [order, NOW],
    )
    await committed(committer, message("trk-1/gps", drive(START + timedelta(minutes=1), 0, 10_150)))
    assert {"dispatched", "arrived"} <= stages(company, order).keys()

    tomorrow = "tstzrange(lower(active) + interval '1 day', upper(active) + interval '1 day')"
    company.connection.execute(f"update trip set active = {tomorrow}")
    company.tell("trip", company.value("select trip_id from trip"))
    await committed(committer)
    assert not {"dispatched", "arrived"} & stages(company, order).keys()


async def test_an_order_made_while_its_scan_was_committed_is_derived_again_by_ingest(
    committer: Committer, company: Company
) -> None:
    depot = company.depot()
    company.device(depot, "scn-1", kind="scanner")
    fence = company.fence(depot, "origin", circle(0, 300), START - timedelta(days=30))
    await committed(committer, message("scn-1/scan", scan(START, "P1", "pick")))
    order = company.order(depot, START - timedelta(hours=2), [("origin", fence)], ["P1"])
    company.tell("plan", order)

    await committed(committer)

    assert stages(company, order)["picked"] == START
