"""What goes wrong on the road besides being late: off route, in a forbidden place, too warm, mis-scanned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.alerts import AlertKind, Detail, Finding, Severity, vehicle_subject

_SEVERITY = {
    AlertKind.OFF_ROUTE: Severity.WARNING,
    AlertKind.RESTRICTED_AREA: Severity.CRITICAL,
    AlertKind.TEMPERATURE: Severity.CRITICAL,
    AlertKind.SCAN_MISMATCH: Severity.WARNING,
}
ROAD_KINDS = tuple(_SEVERITY)


@dataclass(frozen=True, slots=True)
class RoadTrouble:
    """Something wrong with a vehicle and its orders; `about` tells several of one vehicle apart."""

    kind: AlertKind
    vehicle_id: int
    depot_id: int
    order_ids: tuple[int, ...]
    since: datetime
    about: str
    detail: Detail


def road_findings(troubles: Iterable[RoadTrouble]) -> list[Finding]:
    """One finding per kind, vehicle and what it is about."""
    return [
        Finding(
            kind=trouble.kind,
            subject=vehicle_subject(trouble.vehicle_id) + (f"/{trouble.about}" if trouble.about else ""),
            depot_id=trouble.depot_id,
            vehicle_id=trouble.vehicle_id,
            order_ids=trouble.order_ids,
            severity=_SEVERITY[trouble.kind],
            since=trouble.since,
            detail=trouble.detail,
        )
        for trouble in troubles
    ]
