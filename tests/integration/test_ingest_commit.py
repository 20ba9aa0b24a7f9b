"""The commit path on a real database: what a batch of messages becomes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from commit_world import KEY, NOW, START, committed, committed_until, message
from company import Company, circle, drive, fix, utc

from ingest.committer import Committer
from ingest.messages import Message
from store.cipher import Cipher
from store.pool import open_connection


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


async def test_live_facts_are_committed_before_a_backlog_and_apart_from_it(
    committer: Committer, company: Company
) -> None:
    depot = company.depot()
    for name in ("trk-1", "trk-2"):
        company.device(depot, name)
        await committed(committer, message(f"{name}/gps", fix(NOW - timedelta(hours=4), 0)))
    old = [message("trk-1/gps", [fix(NOW - timedelta(hours=3 - hour), 0)]) for hour in range(2)]
    live = message("trk-2/gps", fix(NOW - timedelta(seconds=5), 0))

    batches = [batch async for batch in committer.commit([old[0], live, old[1]])]

    assert [list(batch.messages) for batch in batches] == [[live], old]
    sent = "from position where device_time > %s"
    assert company.rows(
        f"select count(*), count(distinct xmin::text) {sent}", START + timedelta(minutes=1)
    ) == [(3, 2)]
