"""The embedded PostgreSQL: a private cluster with TimescaleDB, on loopback, found again by the next start."""

import json
import re
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from runtime.stack.account import Account, server_account
from runtime.stack.errors import StackError
from runtime.stack.loopback import (
    LOOPBACK,
    exclusive,
    free_port,
    is_port_free,
    processes_in,
    read_pid,
    running_process,
    wait_until,
)

SETTINGS_FILE = Path(__file__).with_name("postgresql.conf")
INSTALLED = Path("/usr/lib/postgresql")
ADMINISTRATOR = "postgres"
OWNER = "zaitu"
CLUSTER_OPTIONS = (
    f"--username={ADMINISTRATOR}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--data-checksums",
)
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60


@dataclass(frozen=True)
class _Cluster:
    """What is remembered about a cluster: its port and the passwords of its two roles."""

    port: int
    administrator_password: str
    owner_password: str


class PostgresServer:
    """One private PostgreSQL cluster in a directory the servers' account can reach.

    `settings` are added to those of postgresql.conf (tests trade durability for speed with them).
    """

    def __init__(self, directory: Path, settings: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self._settings = dict(settings or {})
        self._account: Account = server_account()
        self._data = directory / "data"
        self._state = directory / "cluster.json"

    def ensure_running(self) -> str:
        """Start the cluster, created first where there is none, and return the URL of its database `zaitu`.

        A cluster that already runs is left as it is. Raises StackError when PostgreSQL or TimescaleDB is
        missing or does not start.
        """
        self._account.own_directory(self.directory)
        with exclusive(self.directory / "start.lock"):
            cluster = self._load() or self._create()
            if not self.is_running():
                cluster = self._start(cluster)
            self._check_identity(cluster)
            self._provide_database(cluster)
        return self._url(cluster, OWNER)

    def make_anew(self, name: str) -> str:
        """Make an empty database on the running cluster, in place of one of that name, and return its URL.

        Whoever is connected to the old one is cut off.
        """
        cluster = self._load()
        if cluster is None:
            raise StackError(f"The database in {self.directory} was never started.")
        with psycopg.connect(self._url(cluster, ADMINISTRATOR, "postgres"), autocommit=True) as connection:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(drop.format(sql.Identifier(name)))
            self._create_database(connection, name)
        return self._url(cluster, OWNER, name)

    @property
    def url(self) -> str:
        """The URL of the database `zaitu`, running or not; StackError when there is no cluster yet."""
        cluster = self._load()
        if cluster is None:
            raise StackError(f"The database in {self.directory} was never started.")
        return self._url(cluster, OWNER)

    def is_running(self) -> bool:
        """Say whether this cluster's own postmaster lives."""
        return self._postmaster() is not None

    def stop(self) -> None:
        """Stop the cluster, ending its sessions; a cluster that is not running stays so.

        Raises StackError when it does not stop.
        """
        if not self.is_running():
            return
        stopped = self._pg_ctl("stop", "-m", "fast", "-w", "-t", str(START_TIMEOUT_S))
        # pg_ctl waits for the pid file to go; the postmaster and its logger end a little later.
        if not wait_until(lambda: not processes_in(self._data), STOP_TIMEOUT_S, interval_s=0.05):
            raise StackError(
                f"PostgreSQL does not stop: see {self._data / 'log'}. {_last_line(stopped.stdout)}"
            )

    def _postmaster(self) -> psutil.Process | None:
        pid = read_pid(self._data / "postmaster.pid")
        return running_process(pid, str(self._data)) if pid is not None else None

    def _load(self) -> _Cluster | None:
        if not (self._data / "PG_VERSION").exists() or not self._state.exists():
            return None
        return _Cluster(**json.loads(self._state.read_text(encoding="utf-8")))

    def _remember(self, cluster: _Cluster) -> _Cluster:
        self._account.write(self._state, json.dumps(vars(cluster)))
        return cluster

    def _create(self) -> _Cluster:
        if self._data.exists():
            raise StackError(
                f"{self._state} is missing: put it back, or remove {self.directory} to start anew."
            )
        # Made beside its place and renamed, so that a creation cut short leaves nothing that looks whole.
        draft = self.directory / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        cluster = _Cluster(free_port(), secrets.token_urlsafe(24), secrets.token_urlsafe(24))
        password_file = self.directory / "password"
        self._account.write(password_file, cluster.administrator_password)
        try:
            made = self._account.run(
                [_binaries() / "initdb", "--pgdata", draft, "--pwfile", password_file, *CLUSTER_OPTIONS]
            )
        finally:
            password_file.unlink()
        if made.returncode != 0:
            raise StackError(
                f"Creating the database cluster in {self._data} failed: {_last_line(made.stdout)}"
            )
        self._account.write(draft / "pg_hba.conf", f"host all all {LOOPBACK}/32 scram-sha-256\n")
        with (draft / "postgresql.conf").open("a", encoding="utf-8") as configuration:
            configuration.write("include = 'zaitu.conf'\n")
        self._remember(cluster)
        draft.rename(self._data)
        return cluster

    def _start(self, cluster: _Cluster) -> _Cluster:
        self._clear_crash()
        if not is_port_free(cluster.port):
            cluster = self._remember(
                _Cluster(free_port(), cluster.administrator_password, cluster.owner_password)
            )
        self._write_settings(cluster)
        started = self._pg_ctl(
            "start", "-w", "-t", str(START_TIMEOUT_S), "-l", str(self.directory / "start.log")
        )
        if started.returncode != 0:
            raise StackError(
                f"PostgreSQL did not start: see {self.directory / 'start.log'} and {self._data / 'log'}."
            )
        return cluster

    def _clear_crash(self) -> None:
        """Remove a crashed postmaster's pid file, which may name a pid that is somebody else's by now.

        The file also keeps a new postmaster from data that a dead one's children still use: they end first.
        """
        pid_file = self._data / "postmaster.pid"
        if pid_file.exists():
            if not wait_until(lambda: not processes_in(self._data), STOP_TIMEOUT_S, interval_s=0.1):
                raise StackError(
                    f"Processes of a crashed PostgreSQL still use {self._data}: end them and start again."
                )
            pid_file.unlink()

    def _write_settings(self, cluster: _Cluster) -> None:
        own = {"listen_addresses": f"'{LOOPBACK}'", "port": str(cluster.port), **self._settings}
        lines = [
            SETTINGS_FILE.read_text(encoding="utf-8"),
            *(f"{name} = {value}" for name, value in own.items()),
        ]
        self._account.write(self._data / "zaitu.conf", "\n".join(lines) + "\n")

    def _pg_ctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        program = _binaries(self._data) / "pg_ctl"
        return self._account.run([program, *arguments, "-D", self._data], timeout_s=START_TIMEOUT_S + 30)

    def _check_identity(self, cluster: _Cluster) -> None:
        """Make sure that what answers on the port is this cluster and not a stranger's."""
        try:
            with psycopg.connect(
                self._url(cluster, ADMINISTRATOR, "postgres"), connect_timeout=10
            ) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError as exc:
            raise StackError(f"The database on port {cluster.port} does not let us in: {exc}") from exc
        if row is None or Path(row[0]) != self._data:
            raise StackError(
                f"Another PostgreSQL answers on port {cluster.port}: stop it or remove {self.directory}."
            )

    def _provide_database(self, cluster: _Cluster) -> None:
        with psycopg.connect(self._url(cluster, ADMINISTRATOR, "postgres"), autocommit=True) as connection:
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone() is None:
                create = sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}")
                connection.execute(create.format(sql.Identifier(OWNER), cluster.owner_password))
            if connection.execute("SELECT FROM pg_database WHERE datname = %s", [OWNER]).fetchone() is None:
                self._create_database(connection, OWNER)

    @staticmethod
    def _create_database(connection: psycopg.Connection, name: str) -> None:
        create = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0")
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(OWNER)))

    def _url(self, cluster: _Cluster, role: str, database: str = OWNER) -> str:
        password = cluster.owner_password if role == OWNER else cluster.administrator_password
        return f"postgresql://{role}:{password}@{LOOPBACK}:{cluster.port}/{database}"


def _binaries(data: Path | None = None) -> Path:
    """Return the folder of PostgreSQL's programs: the cluster's, or the newest with TimescaleDB."""
    if data is not None:
        version = (data / "PG_VERSION").read_text(encoding="ascii").strip()
        folder = INSTALLED / version / "bin"
        if not folder.exists():
            raise StackError(
                f"The cluster in {data} needs PostgreSQL {version}: apt-get install postgresql-{version}."
            )
        return folder
    versions = [folder.name for folder in INSTALLED.glob("*") if re.fullmatch(r"\d+", folder.name)]
    for version in sorted(versions, key=int, reverse=True):
        control = Path(f"/usr/share/postgresql/{version}/extension/timescaledb.control")
        if control.exists() and (INSTALLED / version / "bin" / "postgres").exists():
            return INSTALLED / version / "bin"
    raise StackError("PostgreSQL with TimescaleDB is not installed: run `make setup`, or set DATABASE_URL.")


def _last_line(output: str) -> str:
    lines = output.strip().splitlines()
    return lines[-1] if lines else "it said nothing"
