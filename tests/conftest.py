"""Real servers for every test: a database of its own from one migrated template, and brokers to throw away.

Two runs of pytest in one checkout share the cluster of `.zaitu/test-stack`; the last one out stops it and
clears up. With DATABASE_URL set, that server is used instead (its role must be allowed to create databases).
"""

import fcntl
import hashlib
import hmac
import os
import shutil
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import structlog
from hypothesis import HealthCheck, settings
from psycopg import sql

from migrations.runner import load_migrations, migrate
from runtime.stack.account import reachable_directory, server_account
from runtime.stack.loopback import wait_until
from runtime.stack.mosquitto import Broker
from runtime.stack.postgres import PostgresServer

ROOT = Path(__file__).resolve().parent.parent
TEST_STACK = ROOT / ".zaitu" / "test-stack"
MEMORY = Path("/dev/shm")
ROOM_BYTES = 6 * 1024**3
TEMPLATE_PREFIX = "zaitu_template_"
DATABASE_PREFIX = "zaitu_test_"
# Nobody connects to it; to template1 TimescaleDB's launcher does.
EMPTY_TEMPLATE = "template0"
# Tests never pull the plug of the database's machine.
FAST_SETTINGS = {"fsync": "off", "full_page_writes": "off", "checkpoint_timeout": "'1h'"}

BrokerFactory = Callable[..., Broker]
DatabaseMaker = Callable[[], AbstractContextManager[str]]

pytest_plugins = ["chaos_world", "commit_world", "ingest_process"]

# Drawing a traceback with all its local values, as structlog does unasked, takes seconds.
structlog.configure(
    processors=[
        structlog.stdlib.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

# How long an example takes says what else the machine does, and nothing about the example.
settings.register_profile("zaitu", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("zaitu")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest begin first: begun last, they would keep one worker busy while the others wait."""
    items.sort(key=_lasts_s, reverse=True)


def _lasts_s(item: pytest.Item) -> float:
    mark = item.get_closest_marker("lasts")
    return float(mark.args[0]) if mark else 0.0


@pytest.fixture(scope="session")
def test_stack() -> Iterator[Path]:
    """The directory of the tests' servers, in use by this run."""
    (ROOT / ".zaitu").mkdir(exist_ok=True)
    _prefer_memory(TEST_STACK)
    directory = reachable_directory(TEST_STACK, server_account())
    with (directory / "in-use.lock").open("a") as in_use:
        fcntl.flock(in_use, fcntl.LOCK_SH)
        yield directory
        try:
            fcntl.flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        _clear_up(directory)


def _prefer_memory(path: Path) -> None:
    """Have the servers' files in memory where there is room; what is there already stays where it is.

    Each test's database is a thousand files, made and removed: ext4 looks for a while before it takes an
    inode that was freed a moment ago, and then spends more time on that than the tests on anything else.
    """
    if path.exists() or not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM_BYTES:
        return
    with suppress(FileExistsError):
        path.symlink_to(MEMORY / f"zaitu-tests-{hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]}")


def _clear_up(directory: Path) -> None:
    """Remove what a run that was killed left behind, and stop the cluster."""
    for left in (directory / "brokers").glob("*"):
        Broker(left).kill()
        shutil.rmtree(left)
    postgres = PostgresServer(directory / "postgres", FAST_SETTINGS)
    if postgres.is_running():
        url = postgres.ensure_running()
        for name in _databases(url):
            if name != _template_name():
                _drop(url, name)
        postgres.stop()
    if directory.is_relative_to(MEMORY):
        shutil.rmtree(directory / "postgres", ignore_errors=True)


@pytest.fixture(scope="session")
def server_url(test_stack: Path) -> str:
    """The URL of a database server with TimescaleDB, and of a database on it to send CREATE DATABASE from."""
    given = os.environ.get("DATABASE_URL")
    if given:
        return given
    url = PostgresServer(test_stack / "postgres", FAST_SETTINGS).ensure_running()
    _shorten_login(url)
    return url


def _shorten_login(url: str) -> None:
    """Have the password hashed once, not 4,096 times: asyncpg does so in Python, 20 ms long, for each of a
    run's thousands of connections. The steps of the login stay as they are (RFC 5802).
    """
    password, salt = urlsplit(url).password or "", os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    parts = (salt, hashlib.sha256(client_key).digest(), hmac.digest(salted, b"Server Key", "sha256"))
    verifier = "SCRAM-SHA-256$1:{}${}:{}".format(*(b64encode(part).decode() for part in parts))
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [TEMPLATE_PREFIX])
        connection.execute(sql.SQL("ALTER ROLE CURRENT_USER PASSWORD {}").format(verifier))


@pytest.fixture(scope="session")
def template_database(server_url: str) -> str:
    """The name of a migrated database, made once for each state of the migrations."""
    name = _template_name()
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext(%s))", [TEMPLATE_PREFIX])
        if name in _databases(server_url):
            return name
        draft = f"{DATABASE_PREFIX}draft_{uuid.uuid4().hex}"
        _create(connection, draft, EMPTY_TEMPLATE)
        migrate(with_database(server_url, draft))
        # Nobody may be connected to a template, not even TimescaleDB's workers: they respect this.
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(draft)))
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        connection.execute(rename.format(sql.Identifier(draft), sql.Identifier(name)))
    return name


@pytest.fixture
def database_url(server_url: str, template_database: str) -> Iterator[str]:
    """The URL of this test's own migrated database, dropped afterwards."""
    with _own_database(server_url, template_database) as url:
        yield url


@pytest.fixture(scope="session")
def another_database(server_url: str, template_database: str) -> DatabaseMaker:
    """Migrated databases for tests that need many: each lives within a `with`."""
    return lambda: _own_database(server_url, template_database)


@pytest.fixture
def empty_database_url(server_url: str) -> Iterator[str]:
    """The URL of this test's own empty database, dropped afterwards."""
    with _own_database(server_url, EMPTY_TEMPLATE) as url:
        yield url


@pytest.fixture
def broker_factory(test_stack: Path) -> Iterator[BrokerFactory]:
    """Make brokers with a directory and a port of their own; `settings` replace lines of mosquitto.conf."""
    made: list[Broker] = []

    def make(settings: Mapping[str, str] | None = None, *, start: bool = True) -> Broker:
        directory = test_stack / "brokers" / uuid.uuid4().hex
        directory.mkdir(parents=True)
        server_account().own_directory(directory.parent)
        made.append(Broker(directory, settings))
        if start:
            made[-1].ensure_running()
        return made[-1]

    yield make
    for broker in made:
        broker.kill()
        shutil.rmtree(broker.directory)


@pytest.fixture
def broker(broker_factory: BrokerFactory) -> Broker:
    """A running broker of this test's own."""
    return broker_factory()


def with_database(url: str, name: str) -> str:
    """Return the URL of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@contextmanager
def _own_database(server_url: str, template: str) -> Iterator[str]:
    name = f"{DATABASE_PREFIX}{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        _create(connection, name, template)
    try:
        yield with_database(server_url, name)
    finally:
        _drop(server_url, name)


def _create(connection: psycopg.Connection, name: str, template: str) -> None:
    # Copied as files, not through the log: with fsync off its checkpoints cost less than the log does.
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))


def _drop(server_url: str, name: str) -> None:
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))

    def dropped() -> bool:
        try:
            connection.execute(drop)
        except (psycopg.errors.ObjectInUse, psycopg.errors.InsufficientPrivilege):
            # TimescaleDB's launcher is looking into the database: only a superuser may send it away.
            return False
        return True

    with psycopg.connect(server_url, autocommit=True) as connection:
        assert wait_until(dropped, timeout_s=60, interval_s=0.1), f"database {name} stays in use"


def _databases(server_url: str) -> list[str]:
    with psycopg.connect(server_url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s) OR starts_with(datname, %s)",
            [TEMPLATE_PREFIX, DATABASE_PREFIX],
        ).fetchall()
    return [row[0] for row in rows]


def _template_name() -> str:
    shipped = "".join(migration.sha256 for migration in load_migrations())
    return TEMPLATE_PREFIX + hashlib.sha256(shipped.encode()).hexdigest()[:16]
