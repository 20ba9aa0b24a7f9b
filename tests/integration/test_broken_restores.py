"""`zaitu doctor` and `zaitu migrate` name a restore that left the hypertables broken."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from company import Company

from migrations.restored import HYPERTABLES, damage_of_restore
from migrations.runner import MigrationError, migrate
from runtime.doctor import Finding, Verdict, examine_database


def finding(database_url: str) -> Finding | None:
    return next((each for each in examine_database(database_url) if each.subject == "restore"), None)


def assert_named(database_url: str, damage: str) -> None:
    found = finding(database_url)
    assert found is not None
    assert found.verdict is Verdict.WRONG
    assert damage in found.found
    assert "timescaledb_pre_restore()" in found.remedy
    with pytest.raises(MigrationError, match="was not restored whole"):
        migrate(database_url)


def program(database_url: str, name: str) -> str:
    """A program of the server's own version."""
    with psycopg.connect(database_url) as connection:
        major = connection.info.server_version // 10000
    path = Path(f"/usr/lib/postgresql/{major}/bin/{name}")
    if not path.exists():
        pytest.skip(f"{path} is not installed")
    return str(path)


def test_a_whole_database_and_an_empty_one_are_not_accused(
    database_url: str, empty_database_url: str
) -> None:
    assert finding(database_url) is None
    assert finding(empty_database_url) is None
    with psycopg.connect(database_url) as connection:
        known = connection.execute("select hypertable_name from timescaledb_information.hypertables")
        assert {row[0] for row in known} == set(HYPERTABLES)


def test_a_backup_restored_without_preparation_is_named(
    database_url: str, empty_database_url: str, company: Company, tmp_path: Path
) -> None:
    device = company.device(company.depot(), "trk-1")
    company.rows(
        "insert into position (device_id, device_time, content_hash, received_at, lat, lon, datum)"
        " values (%s, %s, 1, %s, 31, 121, 'wgs84') returning 1",
        device, datetime.now(UTC), datetime.now(UTC),
    )  # fmt: skip
    dump = tmp_path / "zaitu.dump"
    subprocess.run([program(database_url, "pg_dump"), "-Fc", "-f", dump, database_url], check=True)
    restored = subprocess.run(
        [program(database_url, "pg_restore"), "-d", empty_database_url, dump],
        capture_output=True,
        check=False,
    )

    assert restored.returncode == 1
    assert_named(empty_database_url, "")


def test_tables_that_came_back_without_timescaledb_are_named(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("create table kept (like position)")
        connection.execute("drop table position")
        connection.execute("alter table kept rename to position")
    assert_named(database_url, "position came back as plain tables")

    with psycopg.connect(database_url) as connection:
        connection.execute("drop extension timescaledb cascade")
    assert_named(database_url, "TimescaleDB is missing")


def test_a_restore_that_was_not_finished_is_named(database_url: str, test_stack: Path) -> None:
    state = test_stack / "postgres" / "cluster.json"
    if not urlsplit(database_url).password or not state.exists():
        pytest.skip("needs the superuser of the embedded server")
    secret = json.loads(state.read_text())["administrator_password"]
    place = urlsplit(database_url)
    superuser = urlunsplit(place._replace(netloc=f"postgres:{secret}@{place.hostname}:{place.port}"))
    with restoring(superuser), psycopg.connect(database_url) as connection:
        assert damage_of_restore(connection) == (
            "it is still restoring (timescaledb_post_restore() was not called)"
        )
    assert finding(database_url) is None


@contextmanager
def restoring(superuser: str) -> Iterator[None]:
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute("select timescaledb_pre_restore()")
        yield
        connection.execute("select timescaledb_post_restore()")
