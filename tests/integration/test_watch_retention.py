from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from watch_world import T0, Stop, World

from domain.facts import REFOLD_HORIZON
from store import learning
from store import retention as stored
from store.pool import open_connection
from watch import retention

DAY = timedelta(days=1)
KEPT = retention.Kept(changes=timedelta(hours=1), rejected=30 * DAY, facts=90 * DAY)


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    connection = await open_connection(database_url)
    yield await World(connection).begin()
    await connection.close()


async def forget(world: World, kept: retention.Kept = KEPT, at_once: int = 2) -> None:
    await retention.run(world.connection, T0, kept, at_once=at_once)


async def column(world: World, query: str) -> list[Any]:
    return [row[0] for row in await world.connection.fetch(query)]


async def add_positions(world: World, *times: datetime) -> None:
    await world.connection.executemany(
        "insert into position (device_id, device_time, content_hash, received_at, lat, lon, datum)"
        " values (1, $1, 1, $1, 31, 120, 'wgs84')",
        [[time] for time in times],
    )


async def test_positions_older_than_wanted_go_by_whole_chunks(world: World) -> None:
    times = [T0 - age * DAY for age in (200, 92, 89, 8, 0)]
    await add_positions(world, *times)
    await forget(world)
    assert await column(world, "select device_time from position order by 1") == times[2:]


async def test_nothing_inside_the_refold_horizon_is_ever_dropped(world: World) -> None:
    inside = [T0 - age for age in (REFOLD_HORIZON - timedelta(minutes=1), 3 * DAY, timedelta(0))]
    await add_positions(world, *inside, T0 - 9 * DAY)
    await forget(world, retention.Kept(timedelta(0), timedelta(0), facts=timedelta(0)))
    assert await column(world, "select device_time from position order by 1") == inside


async def test_the_checkpoint_a_late_fix_needs_is_kept(world: World) -> None:
    vehicle_id, parked_id = await world.vehicle(), await world.vehicle()
    ages = {vehicle_id: (30, 20, 8, 6, 1), parked_id: (300,)}
    for owner, days in ages.items():
        for age in days:
            await world.connection.execute(
                "insert into vehicle_checkpoint (vehicle_id, at, engine_version, state)"
                " values ($1, $2, 1, '')",
                owner,
                T0 - age * DAY,
            )
    await forget(world)
    kept = await world.connection.fetch("select vehicle_id, at from vehicle_checkpoint order by 1, 2")
    assert [tuple(row) for row in kept] == [
        *((vehicle_id, T0 - age * DAY) for age in (8, 6, 1)),
        (parked_id, T0 - 300 * DAY),
    ]


async def test_rejected_payloads_go_once_they_were_not_seen_for_long(world: World) -> None:
    for topic, first_days, last_days in (("seen long ago", 60, 31), ("seen again", 60, 29)):
        await world.connection.execute(
            "insert into rejected (source, topic, item, reason, detail, payload_cipher, payload_bytes,"
            " payload_sha256, received_at, last_received_at)"
            " values ('mqtt', $1, -1, 'malformed', '', '', 0, '', $2, $3)",
            topic,
            T0 - first_days * DAY,
            T0 - last_days * DAY,
        )
    await forget(world)
    assert await column(world, "select topic from rejected") == ["seen again"]


async def test_facts_set_apart_go_when_stored_ones_do(world: World) -> None:
    await world.vehicle()
    for age in (91, 89):
        await world.connection.execute(
            "insert into quarantine (device_id, kind, device_time_ms, content_hash, received_at, reason,"
            " payload_cipher) select min(device_id), 'gps', 0, $1, $2, 'clock_unset', '' from device",
            age,
            T0 - age * DAY,
        )
    await forget(world)
    assert await column(world, "select content_hash from quarantine") == [89]


async def test_changes_are_kept_for_an_hour(world: World) -> None:
    for minutes in (61, 59):
        await world.connection.execute(
            "insert into change (kind, ids, at) values ('order', array[$1::bigint], $2)",
            minutes,
            T0 - timedelta(minutes=minutes),
        )
    await world.connection.execute(
        "insert into ingest_cursor (xid, change_id)"
        " select xid, change_id from change order by xid desc limit 1"
    )
    await forget(world)
    assert await column(world, "select ids[1] from change") == [59]


async def test_a_change_is_kept_as_long_as_an_older_reader_may_need_what_follows_it(world: World) -> None:
    """A transaction that began early and wrote late stands behind younger rows: it goes after them."""
    for minutes in (61, 62, 59, 70):
        await world.connection.execute(
            "insert into change (kind, ids, at) values ('order', array[$1::bigint], $2)",
            minutes,
            T0 - timedelta(minutes=minutes),
        )
    await world.connection.execute(
        "insert into ingest_cursor (xid, change_id)"
        " select xid, change_id from change order by xid desc, change_id desc limit 1"
    )
    await forget(world)
    assert await column(world, "select ids[1] from change order by xid, change_id") == [59, 70]


async def test_much_goes_in_short_transactions(world: World) -> None:
    """Every row that went says in which transaction: none deleted more than it may."""
    await world.connection.execute(
        "insert into change (kind, ids, at) select 'order', array[n], $1 from generate_series(1, 7) n",
        T0 - timedelta(minutes=61),
    )
    await world.connection.execute(
        "insert into ingest_cursor (xid, change_id) select xid, change_id + 100 from change limit 1"
    )
    await world.connection.execute(
        "create table gone (xid xid8 default pg_current_xact_id());"
        " create function note() returns trigger language plpgsql as"
        " $$ begin insert into gone default values; return null; end $$;"
        " create trigger note after delete on change for each row execute function note()"
    )
    await forget(world, at_once=3)
    sizes = "select count(*) from gone group by xid order by xid"
    assert await column(world, sizes) == [3, 3, 1]


async def test_old_estimates_and_lessons_go_and_the_faintest_cells(world: World) -> None:
    stops = [Stop("yard", "origin", 0), Stop("shop", "destination", 60_000)]
    for days in (61, 1):
        vehicle_id = await world.vehicle()
        from_min = -days * 24 * 60.0
        trip_id = await world.trip(vehicle_id, stops, from_min=from_min, to_min=from_min + 60)
        await world.connection.execute(
            "insert into eta (trip_id, stop_id, computed_at, p50_at, p90_at)"
            " select trip_id, stop_id, $2, $2, $2 from stop where trip_id = $1",
            trip_id,
            T0 - days * DAY,
        )
        await world.connection.execute(
            "insert into pace_lesson values ($1, $2, '{}', '{}', '{}', '{}', '{}')", trip_id, T0
        )
    for cell, weight in ((1, 0.0), (2, 1e9)):
        await world.connection.execute("insert into pace_cell values ($1, 0, 1, $2, 1)", cell, weight)
    await forget(world)
    assert await column(world, "select distinct trip_id from eta") == [trip_id]
    assert await column(world, "select trip_id from pace_lesson") == [trip_id]
    assert await column(world, "select cell from pace_cell") == [2]


async def test_the_faintest_cells_go_where_there_are_too_many(world: World) -> None:
    for cell, weight in ((1, 5.0), (2, 3.0), (3, 4.0), (4, 2.0), (5, 1.0)):
        await world.connection.execute("insert into pace_cell values ($1, 0, 1, $2, 1)", cell, weight)
    gone = [await learning.forget_cells(world.connection, 1.5, 3, limit=1) for _ in range(4)]
    assert gone == [1, 1, 0, 0]
    assert await column(world, "select cell from pace_cell order by 1") == [1, 2, 3]


async def test_chunks_beyond_the_horizon_are_compressed_where_the_edition_can(world: World) -> None:
    if not await stored.can_compress(world.connection):
        pytest.skip("this server has the edition without compression")
    await add_positions(world, *(T0 - age * DAY for age in (30, 20, 9, 1)))
    await retention.compress(world.connection, T0)
    compressed = "select count(*) from timescaledb_information.chunks where is_compressed"
    assert await column(world, compressed) == [3]
    assert len(await column(world, "select 1 from position")) == 4


async def test_an_edition_without_compression_is_left_alone(world: World) -> None:
    if await stored.can_compress(world.connection):
        pytest.skip("this server has the edition with compression")
    await add_positions(world, T0 - 30 * DAY)
    await retention.compress(world.connection, T0)
    assert len(await column(world, "select 1 from position")) == 1
