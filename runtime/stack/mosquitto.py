"""The embedded Mosquitto: a private broker on loopback, found again by the next start."""

import base64
import hashlib
import json
import os
import secrets
import shutil
import signal
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from runtime.stack.account import Account, server_account
from runtime.stack.certificates import Issued, issue_device, issue_server, make_authority
from runtime.stack.errors import StackError
from runtime.stack.loopback import (
    LOOPBACK,
    accepts_connections,
    exclusive,
    free_port,
    has_ended,
    is_port_free,
    read_pid,
    running_process,
    wait_until,
)

SETTINGS_FILE = Path(__file__).with_name("mosquitto.conf")
ACL_FILE = Path(__file__).with_name("mosquitto.acl")
BUILT = Path(".zaitu/mosquitto/sbin/mosquitto")
INGEST_USER = "zaitu-ingest"
SIMULATOR_USER = "zaitu-simulator"
START_TIMEOUT_S = 30
START_TRIES = 3
PORT_PATIENCE_S = 2
PORT_TAKEN = b"Address already in use"
RUNS = b" running\n"


class Broker:
    """One private Mosquitto in a directory the servers' account can reach.

    `settings` replace lines of mosquitto.conf by name (tests use them to make a broker misbehave).
    """

    def __init__(
        self, directory: Path, settings: Mapping[str, str] | None = None, program: Path | None = None
    ) -> None:
        self.directory = directory
        self.persistence_file = directory / "data" / "mosquitto.db"
        self._settings = dict(settings or {})
        self._program = program
        self._account: Account = server_account()
        self._configuration = directory / "mosquitto.conf"
        self._state = directory / "broker.json"

    @property
    def port(self) -> int:
        """The TCP port, chosen at the first start and kept while it stays free."""
        port: int = self._load()["port"]
        return port

    @property
    def url(self) -> str:
        """The URL ingest connects with."""
        return self.url_of(INGEST_USER)

    @property
    def simulator_url(self) -> str:
        """The URL simulators connect with: they may publish for any device."""
        return self.url_of(SIMULATOR_USER)

    def url_of(self, user: str) -> str:
        """Return the URL a known user connects with; KeyError for an unknown one."""
        state = self._load()
        return f"mqtt://{user}:{state['passwords'][user]}@{LOOPBACK}:{state['port']}"

    def add_user(self, user: str, password: str) -> None:
        """Let a device (its user name is its name in the topic) in from now on; StackError for our names."""
        refuse_own_name(user)
        state = self._load()
        state["passwords"][user] = password
        self._account.write(self._state, json.dumps(state))
        self._write_passwords(state["passwords"])
        process = self._process()
        if process is not None:
            process.send_signal(signal.SIGHUP)

    @property
    def tls_port(self) -> int:
        """The port of devices with passwords over TLS; StackError before `secure`."""
        return int(self._secured()["tls_port"])

    @property
    def certificate_port(self) -> int:
        """The port of devices with certificates; StackError before `secure`."""
        return int(self._secured()["certificate_port"])

    @property
    def authority_file(self) -> Path:
        """The certificate devices know the broker by."""
        return self.directory / "tls" / "ca.crt"

    def is_secured(self) -> bool:
        """Whether the broker has certificates."""
        return "tls_port" in self._load()

    def secure(self, hosts: Sequence[str], now: datetime) -> None:
        """Make a trial authority and the broker's certificate; its next start listens with TLS too."""
        place = self.directory / "tls"
        self._account.own_directory(place)
        authority = make_authority(now)
        server = issue_server(authority, list(hosts), now)
        for name, issued in (("ca", authority), ("server", server)):
            self._account.write(place / f"{name}.crt", issued.certificate)
            self._account.write(place / f"{name}.key", issued.key)
        state = self._load()
        ports = {"tls_port": free_port(), "certificate_port": free_port()}
        self._account.write(self._state, json.dumps({**ports, **state}))

    def issue_certificate(self, device: str, now: datetime) -> Issued:
        """Issue a device's trial certificate; StackError before `secure`, or for our names."""
        self._secured()
        refuse_own_name(device)
        place = self.directory / "tls"
        authority = Issued(
            (place / "ca.crt").read_text(encoding="ascii"), (place / "ca.key").read_text(encoding="ascii")
        )
        return issue_device(authority, device, now)

    def _secured(self) -> dict[str, Any]:
        state = self._load()
        if "tls_port" not in state:
            raise StackError("The broker has no certificates: run `zaitu broker certificates`.")
        return state

    def ensure_running(self) -> str:
        """Start the broker if it is not running and return ingest's URL; StackError when it cannot run."""
        self._account.own_directory(self.directory)
        with exclusive(self.directory / "start.lock"):
            if not self.is_running():
                self._start()
        return self.url

    def is_running(self) -> bool:
        """Say whether this broker's own process lives and answers."""
        return self._process() is not None and accepts_connections(self.port)

    def stop(self) -> None:
        """Stop the broker; it saves its sessions and queues first."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the broker as a power cut would: what was not saved is lost."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start again on the same port, with what was saved."""
        self.stop()
        self.ensure_running()

    def save(self) -> None:
        """Ask the broker to save its sessions and queues now."""
        process = self._process()
        if process is None:
            raise StackError(f"The broker in {self.directory} is not running: start it first.")
        process.send_signal(signal.SIGUSR1)

    def snapshot(self, target: Path) -> None:
        """Have the broker save its sessions and queues now, and copy them to a file."""
        before = self._saved_at()
        self.save()
        if not wait_until(lambda: self._saved_at() != before, START_TIMEOUT_S):
            raise StackError(f"The broker did not save: see {self.directory / 'mosquitto.log'}.")
        shutil.copyfile(self.persistence_file, target)

    def restore(self, snapshot: Path) -> None:
        """Put a snapshot in place of what the stopped broker saved last."""
        if self._process() is not None:
            raise StackError("A running broker would save over the snapshot: stop it first.")
        shutil.copyfile(snapshot, self.persistence_file)
        if self._account.switch:
            os.chown(self.persistence_file, self._account.uid, self._account.gid)

    def _saved_at(self) -> tuple[int, int] | None:
        try:
            status = self.persistence_file.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns

    def _process(self) -> psutil.Process | None:
        pid = read_pid(self.directory / "mosquitto.pid")
        return running_process(pid, str(self._configuration)) if pid is not None else None

    def _end(self, how: signal.Signals) -> None:
        process = self._process()
        if process is None:
            return
        process.send_signal(how)
        if not wait_until(lambda: has_ended(process), START_TIMEOUT_S):
            raise StackError(
                f"The broker (pid {process.pid}) does not stop: see {self.directory / 'mosquitto.log'}."
            )
        (self.directory / "mosquitto.pid").unlink(missing_ok=True)

    def _end_orphans(self) -> None:
        """End a broker whose files were removed under it: it would run on, known to nobody."""
        for process in psutil.process_iter(["cmdline"]):
            if str(self._configuration) in (process.info["cmdline"] or []):
                process.kill()

    def _load(self) -> dict[str, Any]:
        try:
            loaded: dict[str, Any] = json.loads(self._state.read_text(encoding="utf-8"))
        except FileNotFoundError as exc:
            raise StackError(f"The broker in {self.directory} was never started.") from exc
        return loaded

    def _start(self) -> None:
        self._account.own_directory(self.directory / "data")
        if not self._state.exists():
            self._end_orphans()
            passwords = {user: secrets.token_urlsafe(24) for user in (INGEST_USER, SIMULATOR_USER)}
            self._account.write(self._state, json.dumps({"port": free_port(), "passwords": passwords}))
        for _ in range(START_TRIES):
            said = self._try_to_start()
            if self.is_running():
                return
            if is_port_free(self.port):
                break
        raise StackError(f"Mosquitto did not start: see {self.directory / 'mosquitto.log'}. {said}")

    def _try_to_start(self) -> str:
        """Start on the port it had, or another where that is taken; what the program said.

        The port may be taken yet when the broker comes to it: then there is another try.
        """
        state = self._load()
        # Whoever killed the broker may not have waited for its end.
        if not wait_until(lambda: is_port_free(state["port"]), PORT_PATIENCE_S):
            state["port"] = free_port()
            self._account.write(self._state, json.dumps(state))
        self._write_configuration(state["port"])
        self._write_passwords(state["passwords"])
        log = self.directory / "mosquitto.log"
        already_logged = log.stat().st_size if log.exists() else 0
        started = self._account.run(
            [self._usable_program(), "--daemon", "--config-file", self._configuration]
        )
        if started.returncode == 0:
            # It listens before it minds signals: until it says that it runs, a SIGHUP would end it.
            wait_until(
                lambda: (
                    log.exists()
                    and any(word in log.read_bytes()[already_logged:] for word in (RUNS, PORT_TAKEN))
                ),
                START_TIMEOUT_S,
            )
        return started.stdout.strip()

    def _tls_lines(self) -> list[str]:
        """Two more listeners: passwords over TLS, and certificates, whose common name is then the user."""
        state, place = self._load(), self.directory / "tls"
        if "tls_port" not in state:
            return []
        files = [
            f"cafile {place / 'ca.crt'}",
            f"certfile {place / 'server.crt'}",
            f"keyfile {place / 'server.key'}",
            "tls_version tlsv1.2",
        ]
        return [
            f"listener {state['tls_port']} {LOOPBACK}",
            *files,
            f"listener {state['certificate_port']} {LOOPBACK}",
            *files,
            "require_certificate true",
            "use_identity_as_username true",
        ]

    def _write_configuration(self, port: int) -> None:
        place = self.directory
        added = {
            "listener": f"{port} {LOOPBACK}",
            "persistence_location": f"{place / 'data'}/",
            "pid_file": place / "mosquitto.pid",
            "password_file": place / "passwords",
            "acl_file": place / "acl",
            "log_dest": f"file {place / 'mosquitto.log'}",
            **self._settings,
        }
        kept = [
            line
            for line in SETTINGS_FILE.read_text(encoding="utf-8").splitlines()
            if line.split(" ")[0] not in added
        ]
        self._account.write(
            self._configuration,
            "\n".join([*kept, *(f"{name} {value}" for name, value in added.items()), *self._tls_lines()])
            + "\n",
        )
        self._account.write(place / "acl", ACL_FILE.read_text(encoding="utf-8"))

    def _write_passwords(self, passwords: Mapping[str, str]) -> None:
        lines = [
            f"{user}:{hash_password(password, secrets.token_bytes(12))}\n"
            for user, password in passwords.items()
        ]
        self._account.write(self.directory / "passwords", "".join(lines))

    def _usable_program(self) -> Path:
        """Return the program, or a copy beside the broker's files where its account cannot reach it."""
        program = self._program or find_mosquitto()
        if self._account.can("x", program):
            return program
        copy = self.directory / "mosquitto"
        shutil.copyfile(program, copy)
        copy.chmod(0o755)
        return copy


def refuse_own_name(device: str) -> None:
    """Raise StackError for a device called like one of our own users: it would get that one's rights."""
    if device.startswith("zaitu-"):
        raise StackError(f"No device may be called {device}: names with zaitu- are the broker's own users.")


def find_mosquitto() -> Path:
    """Return the Mosquitto that set-up built, or else the installed one."""
    built = Path(__file__).resolve().parents[2] / BUILT
    for program in (built, Path("/usr/sbin/mosquitto"), Path("/usr/local/sbin/mosquitto")):
        if program.exists():
            return program
    raise StackError("Mosquitto is not installed: run `make setup`, or set MQTT_URL to a broker.")


def hash_password(password: str, salt: bytes) -> str:
    """Hash a password the way Mosquitto 2 reads it (its `$7$` format: PBKDF2 with SHA-512, 101 rounds)."""
    rounds = 101
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds, 64)
    return f"$7${rounds}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
