"""Tasks: the running clocks of orders as work of those who own them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.milestones import Colour


@dataclass(frozen=True, slots=True)
class Task:
    """A clock of an order as somebody's work; deadline_at is None while it stands still."""

    clock: str
    ends_with: str
    owner_role: str
    superior_role: str
    started_at: datetime
    warn_at: datetime | None
    deadline_at: datetime | None
    stopped_at: datetime | None
    has_reason: bool

    def is_overdue(self, now: datetime) -> bool:
        """Whether it is not done and its limit has passed."""
        return self.stopped_at is None and self.deadline_at is not None and now > self.deadline_at

    def needs_reason(self, now: datetime) -> bool:
        """Whether confirming it takes a reason: it is overdue and nobody has said why."""
        return self.is_overdue(now) and not self.has_reason

    def colour(self, now: datetime) -> Colour:
        """Green once done, red when overdue, yellow else."""
        if self.stopped_at is not None:
            return Colour.GREEN
        return Colour.RED if self.is_overdue(now) else Colour.YELLOW

    def is_of(self, duties: frozenset[str] | None) -> bool:
        """Whether somebody with these duties (None: every one) may confirm it: its owner, or the superior."""
        return duties is None or self.owner_role in duties or self.superior_role in duties


def minutes_over(task: Task, now: datetime) -> int:
    """How many whole minutes an overdue task is over its limit."""
    return int((now - task.deadline_at).total_seconds() // 60) if task.deadline_at is not None else 0
