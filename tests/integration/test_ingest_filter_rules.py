"""Limits of the filters as rules: what they refuse is counted, and other limits judge old fixes anew."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from commit_world import committed_until
from company import Company, circle, fix, payload, utc

from ingest.committer import Committer
from ingest.messages import Message
from store import rules
from store.cipher import Cipher
from store.pool import Connection, open_connection
from store.unit_of_work import unit_of_work

START = utc("2026-11-20T08:00:00")
NOW = utc("2026-11-20T09:00:00")
NOTHING = "channels = []\npriorities = []\nclocks = []\nnotices = []\n"


def fixes(metres: Sequence[float], **more: Any) -> list[Message]:
    """Fixes of the truck 10 s apart."""
    made = [
        {**fix(START + timedelta(seconds=10 * step), at, seq=step), **more} for step, at in enumerate(metres)
    ]
    return [Message("zaitu/v1/trk-1/gps", payload(item), NOW) for item in made]


def found_company(connection: psycopg.Connection[Any]) -> None:
    company = Company(connection)
    depot = company.depot()
    vehicle = company.vehicle(depot, "V1")
    company.assign(company.device(depot, "trk-1"), vehicle, START - timedelta(days=30))
    company.fence(depot, "hub", circle(6_000.0, 250), START - timedelta(days=30))


async def refused(committer: Committer, messages: Sequence[Message]) -> list[str]:
    return [rule async for batch in committer.commit(messages) for rule, _ in batch.refused_fixes]


async def obey(connection: Connection, text: str) -> None:
    async with unit_of_work(connection) as work:
        number = await rules.put_in_force(work.connection, NOTHING + text, by="test", now=NOW)
        work.tell("rules", [number])


@pytest.mark.parametrize("held_back", [False, True])
async def test_changed_limits_judge_fixes_again_and_a_restart_forgets_no_change(
    database_url: str, held_back: bool
) -> None:
    with (
        psycopg.connect(database_url, autocommit=True) as office,
        psycopg.connect(database_url) as another,
    ):
        found_company(office)
        company = Company(office)

        def crossed() -> list[str]:
            return [
                kind
                for (kind,) in company.rows(
                    "select kind from crossing where superseded_at is null order by at"
                )
            ]

        connection = await open_connection(database_url)
        committer = await Committer.on(connection, Cipher(bytes(32)), lambda: NOW)

        # Ten seconds for four kilometres: nobody drives that, unless the rules say so.
        impossible = fixes([2_000, 6_000, 6_000, 10_000, 14_000])
        assert await refused(committer, impossible) == ["absurd_speed"] * 4
        assert crossed() == []
        await obey(connection, "[filters.tracker]\nmax_speed_mps = 500.0")
        await committed_until(committer, lambda: crossed() == ["enter", "exit"])

        if held_back:
            another.execute("select pg_current_xact_id()")
        await obey(connection, "[filters.tracker]\nmax_speed_mps = 70.0")
        connection.terminate()
        connection = await open_connection(database_url)
        committer = await Committer.on(connection, Cipher(bytes(32)), lambda: NOW)
        another.rollback()
        await committed_until(committer, lambda: crossed() == [])
        await connection.close()


async def test_a_receiver_that_hangs_does_not_hold_the_vehicle_at_a_place(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as office:
        found_company(office)
        connection = await open_connection(database_url)
        committer = await Committer.on(connection, Cipher(bytes(32)), lambda: NOW)
        hangs = fixes([5_000.0] * 6, speed_mps=20.3)
        assert await refused(committer, hangs) == ["frozen_fix"] * 3
        late = fixes([5_000.0] * 6, speed_mps=20.3, accuracy_m=9.0)[:1]
        assert "frozen_fix" in await refused(committer, late), "read back from the database they hang as well"
        await connection.close()
