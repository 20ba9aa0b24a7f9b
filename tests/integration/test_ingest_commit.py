"""The commit path on a real database: what a batch of messages becomes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from company import Company, circle, drive, fix, payload, scan, utc

from ingest.batch import Batch
from ingest.committer import Committer
from ingest.messages import Message
from store.cipher import Cipher
from store.pool import open_connection

NOW = utc("2026-11-20T12:00:00")
START = utc("2026-11-20T08:00:00")
KEY = bytes(range(32))


@pytest.fixture
async def committer(database_url: str, company: Company) -> AsyncIterator[Committer]:
    connection = await open_connection(database_url)
    yield await Committer.on(connection, Cipher(KEY), lambda: NOW)
    await connection.close()


def message(topic: str, content: Any, received_at: datetime = NOW) -> Message:
    body = content if isinstance(content, bytes) else payload(content)
    return Message(f"zaitu/v1/{topic}", body, received_at)


async def committed(committer: Committer, *messages: Message) -> Batch:
    batches = [batch async for batch in committer.commit(messages)]
    assert len(batches) == 1
    return batches[0]


async def test_a_fix_is_stored_once_however_often_it_is_sent(committer: Committer, company: Company) -> None:
    company.device(company.depot(), "trk-1")

    first = await committed(committer, message("trk-1/gps", fix(START, 0, seq=1)))
    again = await committed(committer, message("trk-1/gps", [fix(START, 0, seq=1), fix(START, 0, seq=1)]))

    assert (first.outcomes[0].stored, first.outcomes[0].duplicates) == (1, 0)
    assert (again.outcomes[0].stored, again.outcomes[0].duplicates) == (0, 2)
    assert company.value("select count(*) from position") == 1


async def test_same_time_and_other_content_are_both_kept(committer: Committer, company: Company) -> None:
    company.device(company.depot(), "trk-1")

    await committed(committer, message("trk-1/gps", [fix(START, 0), fix(START, 500)]))

    assert company.value("select count(*) from position") == 2


async def test_what_cannot_be_used_is_kept_with_its_reason(committer: Committer, company: Company) -> None:
    company.device(company.depot(), "trk-1")

    batch = await committed(
        committer,
        message("trk-1/gps", b'{"ts": 1'),
        message("trk-1/gps", [fix(START, 0), {**fix(START, 0), "lat": 91}]),
        message("nobody/gps", fix(START, 0)),
        message("trk-1/gps", b"x" * 1_000_000),
        message("trk-1/gps", []),
        message("trk-1/gpss", fix(START, 0)),
    )

    reasons = company.rows("select reason, item, times from rejected order by reason")
    assert reasons == [
        ("bad_json", -1, 1),
        ("empty_array", -1, 1),
        ("out_of_range", 1, 1),
        ("too_large", -1, 1),
        ("unknown_device", -1, 1),
        ("unknown_topic", -1, 1),
    ]
    assert company.value("select max(payload_bytes) from rejected") == 1_000_000
    assert batch.outcomes[1].stored == 1
    assert company.value("select count(*) from position") == 1


async def test_a_rejected_payload_sent_again_is_counted_but_a_redelivery_is_not(
    committer: Committer, company: Company
) -> None:
    topic = "zaitu/v1/nobody/gps"
    for redelivered in (False, False, True):
        await committed(committer, Message(topic, b"{}", NOW, redelivered=redelivered))

    assert company.rows("select reason, times from rejected") == [("unknown_device", 2)]


@pytest.mark.parametrize(
    ("at", "reason"),
    [("1970-01-01", "clock_unset"), ("2004-05-06", "clock_too_old"), ("2099-01-01", "clock_future")],
)
async def test_a_wrong_clock_is_quarantined_and_moves_nothing(
    committer: Committer, company: Company, at: str, reason: str
) -> None:
    depot = company.depot()
    device, vehicle = company.device(depot, "trk-1"), company.vehicle(depot, "V1")
    company.assign(device, vehicle, utc("1960-01-01"))

    await committed(committer, message("trk-1/gps", fix(utc(at), 0)))
    again = await committed(committer, message("trk-1/gps", fix(utc(at), 0)))

    assert company.rows("select reason from quarantine") == [(reason,)]
    assert again.outcomes[0].duplicates == 1
    assert company.value("select count(*) from position") == 0
    assert company.value("select count(*) from latest_position") == 0


async def test_a_device_registered_a_moment_ago_is_known(committer: Committer, company: Company) -> None:
    await committed(committer, message("trk-9/gps", fix(START, 0)))
    company.device(company.depot(), "trk-9")

    batch = await committed(committer, message("trk-9/gps", fix(START, 0)))

    assert batch.outcomes[0].stored == 1


async def test_gcj02_is_brought_to_wgs84_and_the_sent_datum_kept(
    committer: Committer, company: Company
) -> None:
    company.device(company.depot(), "trk-1", datum="gcj02")

    await committed(committer, message("trk-1/gps", fix(START, 0)))

    lat, lon, datum = company.rows("select lat, lon, datum from position")[0]
    assert datum == "gcj02"
    assert 0.001 < abs(lat - 31.0) < 0.01
    assert 0.001 < abs(lon - 121.0) < 0.01


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


async def committed_until(committer: Committer, condition: Callable[[], Any]) -> None:
    """Commit empty batches until changes of the fleet have come through.

    A change is read once no older transaction of the whole server is open, and other tests share the server.
    """
    deadline = time.monotonic() + 60.0
    while not condition():
        assert time.monotonic() < deadline, "waited 60 s for a change to come through"
        await committed(committer)
        await asyncio.sleep(0.01)


def stages(company: Company, order: int) -> dict[str, Any]:
    rows = company.rows("select stage, actual_at from milestone where order_id = %s", order)
    return {stage: at for stage, at in rows if at is not None}


async def test_crossings_and_scans_become_the_milestones_of_an_order(
    committer: Committer, company: Company
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


async def test_an_assignment_corrected_later_moves_the_track_to_the_other_vehicle(
    committer: Committer, company: Company
) -> None:
    depot = company.depot()
    device = company.device(depot, "trk-1")
    wrong, right = company.vehicle(depot, "V1"), company.vehicle(depot, "V2")
    company.fence(depot, "yard", circle(1_500, 200), START)
    company.assign(device, wrong, START)
    await committed(committer, message("trk-1/gps", drive(START, 0, 3_000)))

    company.connection.execute("update device_assignment set vehicle_id = %s", [right])
    company.tell("assignment", device)
    await committed_until(committer, lambda: company.value("select max(vehicle_id) from crossing") == right)

    current = "select vehicle_id, kind from crossing where superseded_at is null order by at"
    assert company.rows(current) == [(right, "enter"), (right, "exit")]
    assert company.rows("select vehicle_id from latest_position") == [(right,)]


async def test_a_fact_older_than_the_refold_horizon_is_stored_and_not_folded(
    committer: Committer, company: Company
) -> None:
    depot = company.depot()
    device, vehicle = company.device(depot, "trk-1"), company.vehicle(depot, "V1")
    company.assign(device, vehicle, utc("2026-01-01"))
    company.fence(depot, "yard", circle(0, 200), utc("2026-01-01"))

    await committed(committer, message("trk-1/gps", fix(NOW - timedelta(days=8), 0)))

    assert company.rows("select too_late from position") == [(True,)]
    assert company.value("select count(*) from crossing") == 0


async def test_the_fold_of_two_fixes_of_one_time_takes_the_lowest_hash_whichever_came_first(
    database_url: str, committer: Committer, company: Company
) -> None:
    depot = company.depot()
    device, vehicle = company.device(depot, "trk-1"), company.vehicle(depot, "V1")
    company.assign(device, vehicle, START)
    company.fence(depot, "yard", circle(0, 200), START)
    twins = [fix(START, 0, seq=1), fix(START, 5_000, seq=2)]
    await committed(committer, message("trk-1/gps", twins[0]))
    await committed(committer, message("trk-1/gps", twins[1]))

    lowest = company.value("select lat from position order by content_hash limit 1")
    expected = ["inside"] if lowest == pytest.approx(31.0) else []
    current = company.rows("select kind from crossing where superseded_at is null")
    assert [row[0] for row in current] == expected


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


async def test_a_fix_the_fold_refuses_does_not_move_the_vehicle_on_the_map(
    committer: Committer, company: Company
) -> None:
    depot = company.depot()
    company.assign(company.device(depot, "trk-1"), company.vehicle(depot, "V1"), START)

    await committed(
        committer,
        message("trk-1/gps", [fix(START, 0), fix(START + timedelta(seconds=10), 90_000)]),
    )

    assert company.value("select count(*) from position") == 2
    assert company.rows("select device_time from latest_position") == [(START,)]


async def test_an_array_of_bad_items_keeps_each_item_by_itself(
    committer: Committer, company: Company
) -> None:
    company.device(company.depot(), "trk-1")
    bad = [{**fix(START + timedelta(seconds=n), 0), "lat": "north"} for n in range(3_000)]

    batch = await committed(committer, message("trk-1/gps", [*bad, fix(START, 0)]))
    await committed(committer, message("trk-1/gps", [*bad, fix(START, 0)]))

    assert len(batch.rejected) == 3_000
    assert company.rows("select reason, times, count(*) from rejected group by 1, 2") == [
        ("wrong_type", 2, 3_000)
    ]
    assert company.value("select max(length(payload_cipher)) from rejected") < 500


async def test_a_topic_of_any_length_is_rejected_and_not_the_end_of_ingest(
    committer: Committer, company: Company
) -> None:
    await committed(committer, message("x" * 60_000, fix(START, 0)))
    await committed(committer, message("x" * 60_000, fix(START, 0)))

    assert company.rows("select reason, times from rejected") == [("unknown_topic", 2)]


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


async def test_a_refold_never_takes_back_what_was_decided_before_the_horizon(
    database_url: str, company: Company
) -> None:
    depot = company.depot()
    device, vehicle = company.device(depot, "trk-1"), company.vehicle(depot, "V1")
    company.assign(device, vehicle, utc("2020-01-01"))
    company.fence(depot, "yard", circle(1_500, 200), utc("2020-01-01"))
    now = START
    connection = await open_connection(database_url)
    committer = await Committer.on(connection, Cipher(KEY), lambda: now)
    await committed(committer, message("trk-1/gps", drive(START - timedelta(hours=1), 0, 3_000), now))
    now = START + timedelta(days=30)
    company.connection.execute("delete from position")
    company.connection.execute("delete from vehicle_checkpoint")

    company.fence(depot, "drawn later", circle(1_500, 400), utc("2020-01-01"))
    await committed(committer)

    assert company.value("select count(*) from crossing where superseded_at is null") == 2
    await connection.close()
