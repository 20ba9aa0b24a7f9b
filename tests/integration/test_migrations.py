"""What `zaitu migrate` does to a database, and what it refuses to do."""

import threading
from pathlib import Path

import psycopg
import pytest

from migrations.runner import MigrationError, load_migrations, migrate

CREATE_A = "create table a (id int)"
CREATE_B = "create table b (id int)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "0001_a.sql", CREATE_A)
    return tmp_path


def write(folder: Path, name: str, sql: str) -> None:
    (folder / name).write_text(sql, encoding="utf-8")


def run(url: str, folder: Path) -> list[str]:
    return [migration.name for migration in migrate(url, load_migrations(folder))]


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
    return {row[0] for row in rows}


def test_the_shipped_schema_applies_once_to_an_empty_database(empty_database_url: str) -> None:
    shipped = load_migrations()

    assert migrate(empty_database_url) == list(shipped)
    assert migrate(empty_database_url) == []
    with psycopg.connect(empty_database_url) as connection:
        ledger = connection.execute(
            "select number, name, sha256 from schema_migration order by number"
        ).fetchall()
    assert ledger == [(migration.number, migration.name, migration.sha256) for migration in shipped]


def test_only_what_is_new_is_applied_and_in_order(empty_database_url: str, folder: Path) -> None:
    assert run(empty_database_url, folder) == ["a"]
    write(folder, "0003_c.sql", "create view c as select * from b")
    write(folder, "0002_b.sql", CREATE_B)

    assert run(empty_database_url, folder) == ["b", "c"]


def test_a_changed_shipped_file_is_refused(empty_database_url: str, folder: Path) -> None:
    run(empty_database_url, folder)
    write(folder, "0001_a.sql", CREATE_A + " -- changed")
    write(folder, "0002_b.sql", CREATE_B)

    with pytest.raises(MigrationError, match="0001_a was changed after it was applied"):
        run(empty_database_url, folder)
    assert "b" not in tables(empty_database_url)


def test_a_database_newer_than_the_program_is_refused(empty_database_url: str, folder: Path) -> None:
    write(folder, "0002_b.sql", CREATE_B)
    run(empty_database_url, folder)
    (folder / "0002_b.sql").unlink()

    with pytest.raises(MigrationError, match="newer than the program: it has migration 0002_b"):
        run(empty_database_url, folder)


def test_a_ledger_with_a_hole_is_refused(empty_database_url: str, folder: Path) -> None:
    write(folder, "0002_b.sql", CREATE_B)
    run(empty_database_url, folder)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("delete from schema_migration where number = 1")

    with pytest.raises(MigrationError, match="has 0002 and not 0001"):
        run(empty_database_url, folder)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("0001_again.sql", "Two migrations are numbered 0001"),
        ("0003_late.sql", "0002 is missing before 0003"),
        ("two.sql", "not named NNNN_name.sql"),
    ],
)
def test_unclear_numbering_is_refused(folder: Path, name: str, complaint: str) -> None:
    write(folder, name, CREATE_B)

    with pytest.raises(MigrationError, match=complaint):
        load_migrations(folder)


def test_a_failing_file_leaves_nothing_behind(empty_database_url: str, folder: Path) -> None:
    write(folder, "0002_b.sql", f"{CREATE_B}; select 1 / 0")

    with pytest.raises(MigrationError, match="0002_b failed: division by zero"):
        run(empty_database_url, folder)
    assert tables(empty_database_url) == {"schema_migration", "a"}


def test_a_marked_file_runs_outside_a_transaction(empty_database_url: str, folder: Path) -> None:
    write(
        folder, "0002_index.sql", "-- no-transaction\ncreate index concurrently if not exists a_id on a (id)"
    )

    assert run(empty_database_url, folder) == ["a", "index"]


def test_an_unmarked_file_runs_inside_one(empty_database_url: str, folder: Path) -> None:
    write(folder, "0002_index.sql", "create index concurrently a_id on a (id)")

    with pytest.raises(MigrationError, match="cannot run inside a transaction block"):
        run(empty_database_url, folder)


def test_a_held_table_ends_the_attempt_instead_of_queueing(
    empty_database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migrations.runner.LOCK_TIMEOUT", "50ms")
    run(empty_database_url, folder)
    write(folder, "0002_wider.sql", "alter table a add column name text")

    with psycopg.connect(empty_database_url) as reader:
        reader.execute("select * from a")
        with pytest.raises(MigrationError, match="0002_wider gave up after 50ms"):
            run(empty_database_url, folder)
    assert run(empty_database_url, folder) == ["wider"]


def test_two_programs_started_at_once_take_turns(empty_database_url: str, folder: Path) -> None:
    write(folder, "0002_slow.sql", "select pg_sleep(0.1)")
    results: list[list[str]] = []
    runs = [
        threading.Thread(target=lambda: results.append(run(empty_database_url, folder))) for _ in range(2)
    ]
    for thread in runs:
        thread.start()
    for thread in runs:
        thread.join()

    assert sorted(results) == [[], ["a", "slow"]]


def test_an_unreachable_database_is_one_sentence(folder: Path) -> None:
    with pytest.raises(MigrationError, match="cannot be reached"):
        migrate("postgresql://nobody@127.0.0.1:1/none", load_migrations(folder))
