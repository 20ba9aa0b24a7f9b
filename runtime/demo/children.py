"""The demo's processes: started, watched, and stopped in order; one that dies by itself ends the demo."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType

LAST_LINES = 8
PATIENCE_S = 60.0
POLL_S = 0.1
# Should the demo be killed, its processes are told to end: nobody else would.
_ENDS_WITH_US = ("setpriv", "--pdeathsig", "TERM")


class DemoError(Exception):
    """What ends a demo before its time, in words for people."""


class Stopped(Exception):
    """The demo was told to stop before it was under way."""


class Child:
    """One process, with its standard output and error in a log file."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process
        self.ended = asyncio.create_task(process.wait(), name=f"end of {name}")

    def events(self) -> Iterator[str]:
        """Names of the events it has logged (as JSON) so far."""
        for line in self._lines():
            try:
                yield str(json.loads(line)["event"])
            except (ValueError, KeyError, TypeError):
                continue

    def death(self) -> str:
        """How it ended, with the last lines of its log."""
        last = "\n".join(f"  {line}" for line in self._lines()[-LAST_LINES:])
        return f"{self.name} ended {_how(self.ended.result())}. The end of {self.log}:\n{last or '  (empty)'}"

    async def stop(self) -> None:
        """Ask it to end and wait until it has; DemoError when it has to be killed or ended badly."""
        if not self.ended.done():
            self._process.terminate()
        try:
            status = await asyncio.wait_for(asyncio.shield(self.ended), PATIENCE_S)
        except TimeoutError as exc:
            self._process.kill()
            raise DemoError(f"{self.name} did not stop within {PATIENCE_S:g} s: see {self.log}") from exc
        if status not in (0, -signal.SIGTERM):
            raise DemoError(self.death())

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        if not self.ended.done():
            self._process.kill()

    def _lines(self) -> list[str]:
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines()


class Children:
    """All processes of a demo; leaving the context ends those that still run."""

    def __init__(self, log_folder: Path, environment: Mapping[str, str], stop: asyncio.Event) -> None:
        self._log_folder = log_folder
        self._environment = dict(environment)
        self._stop = stop
        self._alive: list[Child] = []

    async def __aenter__(self) -> Children:
        self._log_folder.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what still runs, the first started last; a second failure does not hide the first."""
        outcomes = [
            await asyncio.gather(self.stop(child), return_exceptions=True) for child in self._alive[::-1]
        ]
        for child in self._alive:
            child.kill()
        failures = [failure for [failure] in outcomes if isinstance(failure, BaseException)]
        if failures and error is None:
            raise failures[0]

    async def start(self, name: str, *command: str) -> Child:
        """Start `python -m …` as a child that a Ctrl-C in the terminal does not reach."""
        log = self._log_folder / f"{name}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *_ENDS_WITH_US,
                sys.executable,
                "-m",
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        self._alive.append(Child(name, process, log))
        return self._alive[-1]

    async def stop(self, child: Child) -> None:
        """Stop one; from now on its end is no surprise."""
        self._alive.remove(child)
        try:
            await child.stop()
        finally:
            child.kill()

    async def until(self, condition: Callable[[], Awaitable[bool]], seconds: float, what: str) -> None:
        """Wait until a condition holds.

        Raises DemoError when it does not within these seconds or a process ends meanwhile, and Stopped when
        the demo is to stop.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        while not await condition():
            if asyncio.get_running_loop().time() > deadline:
                raise DemoError(f"{what} within {seconds:g} s: see the logs in {self._log_folder}")
            if await self.rest(POLL_S):
                raise Stopped

    async def rest(self, seconds: float) -> bool:
        """Wait so long, or until the demo is to stop, which is the answer; DemoError once a process ends."""
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait(
                {stopping, *(child.ended for child in self._alive)},
                timeout=seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            stopping.cancel()
        self.check()
        return self._stop.is_set()

    def check(self) -> None:
        """Raise DemoError when a process has ended by itself."""
        for child in self._alive:
            if child.ended.done():
                self._alive.remove(child)
                raise DemoError(child.death())


def _how(status: int) -> str:
    return f"by {signal.Signals(-status).name}" if status < 0 else f"with exit status {status}"
