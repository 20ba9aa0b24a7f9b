"""Who asks: every repository call names its principal, and sees only that principal's depots."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """A person or process acting on the data, with the depots it may see (None: all of them)."""

    name: str
    role: str
    depot_ids: tuple[int, ...] | None = None

    @property
    def depots(self) -> list[int] | None:
        """Depot ids as the SQL parameter `:depots`; None lifts the filter."""
        return None if self.depot_ids is None else list(self.depot_ids)


def process_principal(name: str) -> Principal:
    """One of our own processes, which sees every depot."""
    return Principal(name=name, role="process")
