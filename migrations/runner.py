"""Apply the numbered SQL files a database does not have yet, and refuse to go on when the two do not agree.

A file is `NNNN_name.sql`, numbered from 0001 without a gap. It runs in one transaction together with its line
in the ledger `schema_migration`. A file whose first line is `-- no-transaction` holds one statement that
PostgreSQL does not run in a transaction (`create index concurrently if not exists …`); as a crash can come
between the statement and its line in the ledger, it must be one that may run twice.
"""

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from migrations.restored import RESTORE_AGAIN, damage_of_restore

SHIPPED = Path(__file__).with_name("sql")
NO_TRANSACTION = "-- no-transaction"
# Two programs started at once take turns: any number will do that nobody else uses as an advisory lock.
ADVISORY_LOCK = 0x7A616974_75000001
TURN_TIMEOUT = "120s"
# A migration that cannot get its lock gives up, for everybody else queues behind one that waits.
LOCK_TIMEOUT = "10s"

LEDGER = """
create table if not exists schema_migration (
    number       integer primary key,
    name         text not null,
    sha256       text not null,
    applied_at   timestamptz not null default now(),
    duration_ms  double precision not null
)
"""


class MigrationError(Exception):
    """The schema cannot be brought up to date; the message says why and what to do."""


@dataclass(frozen=True)
class Migration:
    """One shipped file; `sha256` is the hex digest of its bytes."""

    number: int
    name: str
    sha256: str
    sql: str

    @property
    def in_transaction(self) -> bool:
        """Whether the file runs inside a transaction."""
        return not self.sql.startswith(NO_TRANSACTION)


def load_migrations(directory: Path = SHIPPED) -> tuple[Migration, ...]:
    """Read a directory's files in order; MigrationError when names or numbers are unclear."""
    migrations = [_read(path) for path in sorted(directory.glob("*.sql"))]
    for expected, migration in enumerate(migrations, start=1):
        if migration.number < expected:
            raise MigrationError(
                f"Two migrations are numbered {migration.number:04}: renumber the newer one."
            )
        if migration.number > expected:
            raise MigrationError(
                f"Migration {expected:04} is missing before {migration.number:04}: close the gap."
            )
    return tuple(migrations)


def migrate(
    database_url: str,
    migrations: Sequence[Migration] | None = None,
    report: Callable[[Migration], None] = lambda migration: None,
) -> list[Migration]:
    """Apply what the database does not have yet and return it; `report` hears of each file before it runs.

    Raises MigrationError when the database cannot be reached, does not agree with the shipped files, or a
    file fails; what was applied before that stays applied.
    """
    shipped = load_migrations() if migrations is None else migrations
    try:
        with psycopg.connect(database_url, autocommit=True, connect_timeout=10) as connection:
            _take_turn(connection)
            missing = _missing(connection, shipped)
            _refuse_broken_restore(connection)
            for migration in missing:
                report(migration)
                _apply(connection, migration)
    except psycopg.OperationalError as exc:
        raise MigrationError(
            f"The database cannot be reached or ended the connection: {_sentence(exc)}"
        ) from exc
    return missing


def refusal_of_newer(database_url: str, migrations: Sequence[Migration] | None = None) -> str | None:
    """Say why a program with these migrations must not run on a database, or nothing when it may.

    A database that is newer may mean something else by what it holds. One that cannot be reached says
    nothing yet, and an older one is brought up to date by `zaitu migrate`.
    """
    shipped = load_migrations() if migrations is None else migrations
    try:
        with psycopg.connect(database_url, autocommit=True, connect_timeout=10) as connection:
            if not _has_ledger(connection):
                return None
            newest = connection.execute(
                "select number, name from schema_migration order by number desc limit 1"
            ).fetchone()
    except psycopg.OperationalError:
        return None
    if newest is None or (shipped and newest[0] <= shipped[-1].number):
        return None
    return _newer(*newest)


def _has_ledger(connection: psycopg.Connection) -> bool:
    row = connection.execute("select to_regclass('schema_migration') is not null").fetchone()
    return row is not None and bool(row[0])


def _newer(number: int, name: str) -> str:
    return (
        f"This database is newer than the program: it has migration {number:04}_{name}, "
        "which the program does not know. Run the newer program."
    )


def _read(path: Path) -> Migration:
    match = re.fullmatch(r"(\d{4})_([a-z0-9_]+)\.sql", path.name)
    if match is None:
        raise MigrationError(f"{path.name} is not named NNNN_name.sql: rename it.")
    content = path.read_bytes()
    return Migration(int(match[1]), match[2], hashlib.sha256(content).hexdigest(), content.decode("utf-8"))


def _take_turn(connection: psycopg.Connection) -> None:
    connection.execute(f"set lock_timeout = '{TURN_TIMEOUT}'")
    try:
        connection.execute("select pg_advisory_lock(%s)", [ADVISORY_LOCK])
    except psycopg.errors.LockNotAvailable as exc:
        raise MigrationError(
            "Another migration of this database has run for two minutes: wait for its end."
        ) from exc
    connection.execute(f"set lock_timeout = '{LOCK_TIMEOUT}'")


def _missing(connection: psycopg.Connection, shipped: Sequence[Migration]) -> list[Migration]:
    connection.execute("set client_min_messages = warning")
    connection.execute(LEDGER)
    by_number = {migration.number: migration for migration in shipped}
    applied = connection.execute(
        "select number, name, sha256 from schema_migration order by number"
    ).fetchall()
    for number, name, sha256 in applied:
        known = by_number.pop(number, None)
        if known is None:
            raise MigrationError(_newer(number, name))
        if (known.name, known.sha256) != (name, sha256):
            raise MigrationError(
                f"Migration {number:04}_{known.name} was changed after it was applied here as {name}: "
                "put the shipped file back and write a new one."
            )
    missing = list(by_number.values())
    if applied and missing and missing[0].number < applied[-1][0]:
        raise MigrationError(
            f"The ledger has {applied[-1][0]:04} and not {missing[0].number:04}: "
            "it was changed by hand. Restore schema_migration from a backup."
        )
    return missing


def _refuse_broken_restore(connection: psycopg.Connection) -> None:
    damage = damage_of_restore(connection)
    if damage is not None:
        raise MigrationError(f"This database was not restored whole: {damage}. {RESTORE_AGAIN}.")


def _apply(connection: psycopg.Connection, migration: Migration) -> None:
    started = time.monotonic()
    try:
        if migration.in_transaction:
            with connection.transaction():
                connection.execute(migration.sql)
                _record(connection, migration, started)
        else:
            connection.execute(migration.sql)
            _record(connection, migration, started)
    except psycopg.errors.LockNotAvailable as exc:
        raise MigrationError(
            f"Migration {migration.number:04}_{migration.name} gave up after {LOCK_TIMEOUT}: "
            "a long transaction holds a table it changes. End that one and try again."
        ) from exc
    except psycopg.Error as exc:
        raise MigrationError(
            f"Migration {migration.number:04}_{migration.name} failed: {_sentence(exc)}"
        ) from exc


def _record(connection: psycopg.Connection, migration: Migration, started: float) -> None:
    connection.execute(
        "insert into schema_migration (number, name, sha256, duration_ms) values (%s, %s, %s, %s)",
        [migration.number, migration.name, migration.sha256, (time.monotonic() - started) * 1000],
    )


def _sentence(error: psycopg.Error) -> str:
    return " ".join(str(error).split())
