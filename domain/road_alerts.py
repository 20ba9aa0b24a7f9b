"""What goes wrong on the road besides being late: off route, standing, forbidden, too warm, mis-scanned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.alerts import AlertKind, Detail, Finding, Severity, order_subject, vehicle_subject

_SEVERITY = {
    AlertKind.OFF_ROUTE: Severity.WARNING,
    AlertKind.RESTRICTED_AREA: Severity.CRITICAL,
    AlertKind.TEMPERATURE: Severity.CRITICAL,
    AlertKind.LONG_STOP: Severity.WARNING,
    AlertKind.SCAN_MISMATCH: Severity.WARNING,
}
ROAD_KINDS = tuple(_SEVERITY)


@dataclass(frozen=True, slots=True)
class RoadTrouble:
    """Something wrong with a vehicle and its orders; `about` tells several of one vehicle apart.

    vehicle_id None: with one order alone. over_at: it was over when it was found.
    """

    kind: AlertKind
    vehicle_id: int | None
    depot_id: int
    order_ids: tuple[int, ...]
    since: datetime
    about: str
    detail: Detail
    over_at: datetime | None = None

    @property
    def subject(self) -> str:
        """What its alert is about."""
        if self.vehicle_id is None:
            return order_subject(self.order_ids[0])
        return vehicle_subject(self.vehicle_id) + (f"/{self.about}" if self.about else "")


def road_findings(troubles: Iterable[RoadTrouble]) -> list[Finding]:
    """One finding per kind and subject."""
    return [
        Finding(
            kind=trouble.kind,
            subject=trouble.subject,
            depot_id=trouble.depot_id,
            vehicle_id=trouble.vehicle_id,
            order_ids=trouble.order_ids,
            severity=_SEVERITY[trouble.kind],
            since=trouble.since,
            detail=trouble.detail,
        )
        for trouble in troubles
    ]
