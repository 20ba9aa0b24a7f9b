"""The embedded servers: started once, found again, private, and whole after a crash."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from runtime.stack import account as account_module
from runtime.stack import mosquitto as mosquitto_module
from runtime.stack.account import reachable_directory, server_account
from runtime.stack.errors import StackError
from runtime.stack.loopback import free_port, is_port_free, processes_in, wait_until
from runtime.stack.mosquitto import Broker
from runtime.stack.postgres import PostgresServer

BrokerFactory = Callable[..., Broker]
WITHIN_S = 60.0
# One worker runs them all, on one cluster.
pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.lasts(40)]


@pytest.fixture(scope="module")
def cluster(test_stack: Path) -> Iterator[PostgresServer]:
    """A cluster of these tests' own, which they may crash."""
    server = PostgresServer(test_stack / "clusters" / uuid.uuid4().hex)
    server_account().own_directory(server.directory.parent)
    yield server
    server.stop()
    shutil.rmtree(server.directory)


def postmaster(server: PostgresServer) -> psutil.Process:
    return psutil.Process(int((server.directory / "data" / "postmaster.pid").read_text().splitlines()[0]))


def mosquitto(broker: Broker) -> psutil.Process:
    return psutil.Process(int((broker.directory / "mosquitto.pid").read_text()))


def query(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
    return row[0] if row else None


def test_a_second_start_finds_the_running_cluster(cluster: PostgresServer) -> None:
    url = cluster.ensure_running()
    first = postmaster(cluster)

    assert cluster.ensure_running() == url == cluster.url
    assert PostgresServer(cluster.directory).ensure_running() == url
    assert postmaster(cluster) == first


def test_the_cluster_is_private_and_commits_durably(cluster: PostgresServer) -> None:
    url = cluster.ensure_running()

    process = postmaster(cluster)
    assert {connection.laddr.ip for connection in process.net_connections("inet")} == {"127.0.0.1"}
    assert not [
        connection for connection in process.net_connections("unix") if "PGSQL" in str(connection.laddr)
    ]
    assert query(url, "show synchronous_commit") == "on"
    assert query(url, "show max_worker_processes") == "64"
    assert process.uids().effective != 0
    assert stat.S_IMODE(cluster.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((cluster.directory / "cluster.json").stat().st_mode) == 0o600
    wrong = urlsplit(url)._replace(netloc=f"zaitu:guess@127.0.0.1:{urlsplit(url).port}").geturl()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        query(wrong, "select 1")


def test_the_cluster_offers_timescaledb_to_a_role_without_privileges(cluster: PostgresServer) -> None:
    url = cluster.ensure_running()

    assert query(url, "select rolsuper from pg_roles where rolname = current_user") is False
    with psycopg.connect(url) as connection:
        connection.execute("create extension timescaledb")
        connection.rollback()


def test_the_cluster_comes_back_from_a_crash_with_what_was_committed(cluster: PostgresServer) -> None:
    url = cluster.ensure_running()
    with psycopg.connect(url) as connection:
        connection.execute("create table kept as select 7 as n")
    postmaster(cluster).kill()

    assert wait_until(lambda: not cluster.is_running(), WITHIN_S)
    assert cluster.ensure_running() == url
    assert query(url, "select n from kept") == 7


def test_a_pid_file_that_names_somebody_else_is_not_believed(cluster: PostgresServer) -> None:
    url = cluster.ensure_running()
    cluster.stop()
    pid_file = cluster.directory / "data" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{cluster.directory / 'data'}\n")

    assert not cluster.is_running()
    assert cluster.ensure_running() == url


def test_a_taken_port_is_left_to_its_owner(cluster: PostgresServer) -> None:
    port = urlsplit(cluster.ensure_running()).port
    cluster.stop()
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        url = cluster.ensure_running()

    assert urlsplit(url).port != port
    assert query(url, "select 1") == 1


def test_stopping_ends_every_process_of_the_cluster(cluster: PostgresServer) -> None:
    cluster.ensure_running()
    assert processes_in(cluster.directory / "data")

    cluster.stop()
    cluster.stop()

    assert not cluster.is_running()
    assert processes_in(cluster.directory / "data") == []


def test_both_servers_outlive_the_kill_of_whoever_started_them(
    cluster: PostgresServer, test_stack: Path
) -> None:
    cluster.stop()
    broker = Broker(test_stack / "brokers" / uuid.uuid4().hex)
    server_account().own_directory(broker.directory.parent)
    program = f"""
        import os, signal
        from pathlib import Path
        from runtime.stack.mosquitto import Broker
        from runtime.stack.postgres import PostgresServer
        PostgresServer(Path({str(cluster.directory)!r})).ensure_running()
        Broker(Path({str(broker.directory)!r})).ensure_running()
        os.killpg(os.getpgrp(), signal.SIGKILL)
    """
    parent = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], start_new_session=True, check=False
    )

    try:
        assert parent.returncode == -signal.SIGKILL
        found = postmaster(cluster), mosquitto(broker)
        cluster.ensure_running()
        broker.ensure_running()
        assert (postmaster(cluster), mosquitto(broker)) == found
    finally:
        broker.kill()
        shutil.rmtree(broker.directory)


def test_a_broker_is_private_and_remembers_its_port(broker: Broker) -> None:
    url = broker.url
    broker.restart()

    assert broker.url == url
    assert {connection.laddr.ip for connection in mosquitto(broker).net_connections("inet")} == {"127.0.0.1"}
    assert mosquitto(broker).uids().effective != 0
    for name in ("broker.json", "passwords"):
        assert stat.S_IMODE((broker.directory / name).stat().st_mode) == 0o600


def test_a_broker_waits_for_its_port_while_the_one_before_lets_go_of_it(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.ensure_running()
    port = broker.port
    broker.kill()
    looks = iter([False, False])
    monkeypatch.setattr(mosquitto_module, "is_port_free", lambda port: next(looks, is_port_free(port)))
    broker.ensure_running()
    assert broker.port == port


def test_a_broker_whose_port_is_taken_at_the_last_moment_takes_another(
    broker_factory: BrokerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = broker_factory(start=False)
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        taken = stranger.getsockname()[1]
        ports, looks = iter([taken, free_port()]), iter([True])
        monkeypatch.setattr(mosquitto_module, "free_port", lambda: next(ports))
        # The first look finds the port free still.
        monkeypatch.setattr(mosquitto_module, "is_port_free", lambda port: next(looks, is_port_free(port)))
        broker.ensure_running()

    assert broker.is_running()
    assert broker.port != taken


def test_a_broker_killed_is_found_stopped_and_started_again(broker: Broker) -> None:
    mosquitto(broker).kill()

    assert wait_until(lambda: not broker.is_running(), WITHIN_S)
    broker.ensure_running()
    assert broker.is_running()


def test_a_broker_whose_files_were_removed_does_not_run_on(broker: Broker) -> None:
    orphan = mosquitto(broker)
    shutil.rmtree(broker.directory)

    broker.ensure_running()

    assert wait_until(lambda: not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE, WITHIN_S)


def test_a_running_broker_does_not_take_a_snapshot_back(broker: Broker, tmp_path: Path) -> None:
    broker.snapshot(tmp_path / "snapshot")

    with pytest.raises(StackError, match="stop it first"):
        broker.restore(tmp_path / "snapshot")


def test_a_broker_that_cannot_start_says_where_to_look(broker_factory: BrokerFactory) -> None:
    broker = broker_factory({"no_such_setting": "1"}, start=False)

    with pytest.raises(StackError, match=r"did not start: see .*mosquitto\.log"):
        broker.ensure_running()


def test_servers_that_are_named_are_used_and_nothing_is_started(
    broker: Broker, empty_database_url: str, tmp_path: Path
) -> None:
    environment = {**os.environ, "DATABASE_URL": empty_database_url, "MQTT_URL": broker.url}
    zaitu = [sys.executable, "-m", "runtime.cli"]

    migrated = subprocess.run(
        [*zaitu, "migrate"], env=environment, cwd=tmp_path, capture_output=True, check=True
    )

    assert migrated.stdout.strip().startswith(b"0001_")
    assert query(empty_database_url, "select count(*) > 0 from schema_migration") is True
    assert list(tmp_path.iterdir()) == []


def test_the_command_starts_finds_and_stops_both_servers(test_stack: Path) -> None:
    data_dir = test_stack / uuid.uuid4().hex
    server_account().own_directory(data_dir)
    environment = {**os.environ, "ZAITU_DATA_DIR": str(data_dir)}

    def stack(what: str) -> list[str]:
        command = [sys.executable, "-m", "runtime.cli", "stack", what]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout.split()

    try:
        assert stack("status") == ["postgres:", "stopped", "mosquitto:", "stopped"]
        assert stack("start") == stack("start") == ["postgres:", "running", "mosquitto:", "running"]
    finally:
        assert stack("stop") == ["postgres:", "stopped", "mosquitto:", "stopped"]
        shutil.rmtree(data_dir)


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can have a directory the servers' account cannot enter"
)
def test_a_checkout_only_root_can_enter_keeps_its_servers_elsewhere(
    test_stack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = test_stack / uuid.uuid4().hex
    server_account().own_directory(elsewhere)
    monkeypatch.setattr(account_module, "FALLBACK_PARENT", elsewhere)
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    try:
        with ThreadPoolExecutor(8) as asking_at_once:
            answers = asking_at_once.map(
                lambda _: reachable_directory(closed / "stack", server_account()), range(8)
            )
            [directory] = set(answers)

        assert directory.parent == elsewhere
        assert (closed / "stack").resolve() == directory
        assert reachable_directory(closed / "stack", server_account()) == directory
        broker = Broker(directory / "mosquitto")
        broker.ensure_running()
        broker.stop()
    finally:
        shutil.rmtree(elsewhere)
