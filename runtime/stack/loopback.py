"""Ports, process identity and exclusive use, on this machine."""

import contextlib
import fcntl
import random
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

LOOPBACK = "127.0.0.1"
_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST_PORT, _LAST_PORT = 10_000, 65_535
_TRIES = 200


def free_port() -> int:
    """Return a TCP port nothing listens on at the moment, and no outgoing connection will be given.

    A server that starts again wants the port its clients know; one of the range from which the system serves
    outgoing connections may meanwhile be taken by any of them.
    """
    lowest, highest = (int(bound) for bound in _OUTGOING.read_text(encoding="ascii").split())
    candidates: list[int] = [*range(_FIRST_PORT, lowest), *range(highest + 1, _LAST_PORT + 1)]
    for candidate in random.SystemRandom().sample(candidates, min(_TRIES, len(candidates))):
        if is_port_free(candidate):
            return candidate
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def is_port_free(port: int) -> bool:
    """Say whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def accepts_connections(port: int) -> bool:
    """Say whether something accepts TCP connections on the port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=5):
            return True
    except OSError:
        return False


def running_process(pid: int, mark: str) -> psutil.Process | None:
    """Return the live process of that pid if its command line holds `mark`: a pid may be somebody else's."""
    try:
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE and mark in process.cmdline():
            return process
    except psutil.Error:
        pass
    return None


def has_ended(process: psutil.Process) -> bool:
    """Say whether a process has let go of everything it held, its ports too.

    One that was killed loses its command line before it closes its files.
    """
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def processes_in(directory: Path) -> list[psutil.Process]:
    """Return the processes whose working directory is this one, as far as they can be seen."""
    return [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(directory)]


def read_pid(path: Path) -> int | None:
    """Return the pid on the first line of a pid file, or nothing when there is no such file or number."""
    try:
        return int(path.read_text(encoding="ascii").split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def wait_until(condition: Callable[[], bool], timeout_s: float, interval_s: float = 0.01) -> bool:
    """Poll until the condition holds; say whether it came to hold in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval_s)
    return True


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a file lock, so that two starts at once make one server."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
