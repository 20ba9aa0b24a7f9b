"""The embedded servers together, as `zaitu` uses them: a cluster and a broker under the data directory."""

import contextlib
from pathlib import Path

from runtime.stack.account import reachable_directory, server_account
from runtime.stack.errors import StackError
from runtime.stack.mosquitto import Broker
from runtime.stack.postgres import PostgresServer


class EmbeddedStack:
    """The private database and broker of one data directory (`.zaitu`); looking at them makes nothing."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir.resolve() / "stack"

    @property
    def postgres(self) -> PostgresServer:
        """The database, whether or not it was ever started."""
        return PostgresServer(self._path.resolve() / "postgres")

    @property
    def broker(self) -> Broker:
        """The broker, whether or not it was ever started."""
        return Broker(self._path.resolve() / "mosquitto")

    def start_database(self) -> str:
        """Start the database where it does not run and return its URL."""
        self._make_directory()
        return self.postgres.ensure_running()

    def start_broker(self) -> Broker:
        """Start the broker where it does not run and return it."""
        self._make_directory()
        broker = self.broker
        broker.ensure_running()
        return broker

    def stop(self) -> None:
        """Stop both servers cleanly; nothing committed or saved is lost."""
        self.broker.stop()
        self.postgres.stop()

    def status(self) -> dict[str, bool]:
        """Say for each server whether it runs."""
        running = {"postgres": self.postgres.is_running(), "mosquitto": False}
        with contextlib.suppress(StackError):
            running["mosquitto"] = self.broker.is_running()
        return running

    def _make_directory(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            reachable_directory(self._path, server_account())
        except PermissionError as exc:
            raise StackError(
                f"Cannot use {self._path}: it belongs to another user ({exc.strerror})."
            ) from exc
