"""Who is told that a stage takes too long, and when."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.alerts import AlertKind, ClearReason, Finding, OpenAlert, Severity

OWNER, SUPERIOR = "owner", "superior"


@dataclass(frozen=True, slots=True)
class Escalation:
    """One step: at 80 % of the time to the owner, at the limit to owner and superior.

    told: False when it was found so late that telling it would be no news.
    """

    order_id: int
    clock: str
    started_at: datetime
    level: str
    roles: tuple[str, ...]
    due_at: datetime
    told: bool


@dataclass(frozen=True, slots=True)
class RunningClock:
    """A clock of an open order that is to be warned of."""

    order_id: int
    depot_id: int
    clock: str
    owner_role: str
    superior_role: str
    started_at: datetime
    warn_at: datetime
    deadline_at: datetime

    @property
    def subject(self) -> str:
        """The subject of its alert."""
        return f"order:{self.order_id}/{self.clock}"

    def escalations(self, now: datetime, fresh: timedelta) -> list[Escalation]:
        """The steps that are due."""
        steps = (
            (OWNER, (self.owner_role,), self.warn_at),
            (SUPERIOR, (self.owner_role, self.superior_role), self.deadline_at),
        )
        return [
            Escalation(
                self.order_id, self.clock, self.started_at, level, roles, due_at, now - due_at <= fresh
            )
            for level, roles, due_at in steps
            if due_at <= now
        ]


def overdue(running: Iterable[RunningClock], now: datetime) -> list[Finding]:
    """One finding per clock: a warning from 80 % of its time on, critical from its limit on."""
    return [
        Finding(
            kind=AlertKind.STAGE_OVERDUE,
            subject=clock.subject,
            depot_id=clock.depot_id,
            vehicle_id=None,
            order_ids=(clock.order_id,),
            severity=Severity.CRITICAL if clock.deadline_at <= now else Severity.WARNING,
            since=clock.warn_at,
            detail={
                "clock": clock.clock,
                "owner": clock.owner_role,
                "superior": clock.superior_role,
                "deadline_at": clock.deadline_at.isoformat(),
            },
        )
        for clock in running
        if clock.warn_at <= now
    ]


def why_overdue_ended(alert: OpenAlert, stopped: Collection[str]) -> ClearReason:
    """Why a stage is overdue no more: its clock has stopped, or it got more time."""
    return ClearReason.DONE if alert.subject in stopped else ClearReason.NOT_DUE
