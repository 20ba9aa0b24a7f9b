"""Alert rules: what is wrong now, and what that opens, changes and clears. Pure; thresholds are values."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class AlertKind(StrEnum):
    """What an alert is about."""

    LATE_RISK = "late_risk"
    LATE = "late"
    STALE = "stale"
    STAGE_OVERDUE = "stage_overdue"
    OFF_ROUTE = "off_route"
    RESTRICTED_AREA = "restricted_area"
    LONG_STOP = "long_stop"
    SCAN_MISMATCH = "scan_mismatch"
    TEMPERATURE = "temperature"
    ETA_DRIFT = "eta_drift"


class Severity(StrEnum):
    """How urgently somebody should look."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class ClearReason(StrEnum):
    """Why an alert is over."""

    DELIVERED = "delivered"
    NOT_DUE = "not_due"
    MOVED = "moved"
    IN_TIME_AGAIN = "in_time_again"
    PROMISE_PASSED = "promise_passed"
    FIX_RECEIVED = "fix_received"
    NOT_UNDER_WAY = "not_under_way"
    DONE = "done"
    OVER = "over"
    WORSE = "worse"


Detail = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong now: at most one per kind and subject.

    since: when it began to be wrong, which becomes the alert's `opened_at` however late it was found, so
    that nothing old is taken for news.
    """

    kind: AlertKind
    subject: str
    depot_id: int
    vehicle_id: int | None
    order_ids: tuple[int, ...]
    severity: Severity
    since: datetime
    detail: Detail = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert as it stands in the store."""

    alert_id: int
    kind: AlertKind
    subject: str
    order_ids: tuple[int, ...]
    severity: Severity
    detail: Detail
    resolved: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do so that the open alerts match the findings."""

    raised: tuple[Finding, ...]
    changed: tuple[tuple[OpenAlert, Finding], ...]
    cleared: tuple[OpenAlert, ...]


def reconcile(open_alerts: Iterable[OpenAlert], findings: Iterable[Finding]) -> Decision:
    """Make the open alerts match what is wrong: one per subject and kind, none without a finding.

    What somebody resolved and has got worse since ends, and is raised anew: it is not what they looked at.
    """
    known = {(alert.kind, alert.subject): alert for alert in open_alerts}
    found = {(finding.kind, finding.subject): finding for finding in findings}
    return Decision(
        raised=tuple(
            finding for key, finding in found.items() if key not in known or got_worse(known[key], finding)
        ),
        changed=tuple(
            (known[key], finding)
            for key, finding in found.items()
            if key in known and _differs(known[key], finding) and not got_worse(known[key], finding)
        ),
        cleared=tuple(
            alert for key, alert in known.items() if key not in found or got_worse(alert, found[key])
        ),
    )


def got_worse(alert: OpenAlert, finding: Finding) -> bool:
    """Whether a resolved alert now is about more orders, or more urgent."""
    more = not set(finding.order_ids) <= set(alert.order_ids)
    return alert.resolved and (more or _RANK[finding.severity] > _RANK[alert.severity])


def _differs(alert: OpenAlert, finding: Finding) -> bool:
    return (
        set(alert.order_ids) != set(finding.order_ids)
        or alert.severity is not finding.severity
        or dict(alert.detail) != dict(finding.detail)
    )


def vehicle_subject(vehicle_id: int) -> str:
    """The subject of an alert about a vehicle and the orders riding on it."""
    return f"vehicle:{vehicle_id}"


def order_subject(order_id: int) -> str:
    """The subject of an alert about an order that rides on nothing."""
    return f"order:{order_id}"


@dataclass(frozen=True, slots=True)
class ExpectedArrival:
    """An order on its way: the newest estimate for its destination against its promise."""

    order_id: int
    vehicle_id: int
    depot_id: int
    promised_at: datetime
    p50_at: datetime
    p90_at: datetime


@dataclass(frozen=True, slots=True)
class LateRiskRule:
    """Raise when late is more likely than not; clear only when well below, so that nothing flaps."""

    raise_at: float = 0.5
    clear_below: float = 0.25


# The standard normal distribution's 90 % point.
_Z90 = 1.2815515655446004


def probability_late(p50_at: datetime, p90_at: datetime, promised_at: datetime) -> float:
    """Probability of arriving after the promise.

    The arrival is taken as normal with mean p50 and standard deviation (p90 - p50) / 1.2816; without any
    spread it is 0 or 1, and 0.5 when p50 meets the promise exactly.
    """
    sigma_s = (p90_at - p50_at).total_seconds() / _Z90
    slack_s = (promised_at - p50_at).total_seconds()
    if sigma_s <= 0:
        return 0.5 if slack_s == 0 else float(slack_s < 0)
    return 0.5 * math.erfc(slack_s / (sigma_s * math.sqrt(2)))


def why_risk_ended(alert: OpenAlert, arrivals: Iterable[ExpectedArrival], now: datetime) -> ClearReason:
    """Why a late risk is over: its orders are late, in time again, or not under way any more."""
    still_coming = [arrival for arrival in arrivals if arrival.order_id in alert.order_ids]
    if any(arrival.promised_at <= now for arrival in still_coming):
        return ClearReason.PROMISE_PASSED
    return ClearReason.IN_TIME_AGAIN if still_coming else ClearReason.NOT_UNDER_WAY


def late_risk(
    arrivals: Iterable[ExpectedArrival], alerted: Collection[int], now: datetime, rule: LateRiskRule
) -> list[Finding]:
    """One finding per vehicle whose orders are likely to miss their promise.

    alerted: ids of the orders already listed by an open late-risk alert, which stay until well below. An
    order whose promise has passed is no risk any more: it is late.
    """
    by_vehicle: dict[int, list[tuple[ExpectedArrival, float]]] = {}
    for arrival in arrivals:
        probability = probability_late(arrival.p50_at, arrival.p90_at, arrival.promised_at)
        threshold = rule.clear_below if arrival.order_id in alerted else rule.raise_at
        if arrival.promised_at > now and probability >= threshold:
            by_vehicle.setdefault(arrival.vehicle_id, []).append((arrival, probability))
    return [_late_risk_finding(vehicle_id, at_risk, now) for vehicle_id, at_risk in by_vehicle.items()]


def _late_risk_finding(
    vehicle_id: int, at_risk: list[tuple[ExpectedArrival, float]], now: datetime
) -> Finding:
    worst, probability = max(at_risk, key=lambda pair: (pair[1], pair[0].p50_at - pair[0].promised_at))
    late_by_min = (worst.p50_at - worst.promised_at).total_seconds() / 60
    return Finding(
        kind=AlertKind.LATE_RISK,
        subject=vehicle_subject(vehicle_id),
        depot_id=worst.depot_id,
        vehicle_id=vehicle_id,
        order_ids=tuple(sorted(arrival.order_id for arrival, _ in at_risk)),
        severity=Severity.WARNING,
        since=now,
        # Coarse on purpose: a small move of the estimate must not look like news.
        detail={
            "promised_at": worst.promised_at.isoformat(),
            "expected_late_by_min": 10 * round(late_by_min / 10),
            "probability": round(probability, 1),
        },
    )


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An order not delivered, and the vehicle it rides on or rode on last, if any.

    depot_id: the vehicle's, else the order's.
    """

    order_id: int
    vehicle_id: int | None
    depot_id: int
    promised_at: datetime


def late(undelivered: Iterable[Undelivered], now: datetime) -> list[Finding]:
    """One finding per vehicle, or per order that rides on none, whose promise has passed."""
    by_subject: dict[str, list[Undelivered]] = {}
    for order in undelivered:
        if order.promised_at < now:
            by_subject.setdefault(_late_subject(order), []).append(order)
    return [_late_finding(subject, orders) for subject, orders in by_subject.items()]


def why_late_ended(alert: OpenAlert, undelivered: Iterable[Undelivered], delivered: Set[int]) -> ClearReason:
    """Why lateness is over: delivered, moved to another subject, or not due (cancelled, a new promise)."""
    if delivered >= set(alert.order_ids):
        return ClearReason.DELIVERED
    if any(order.order_id in alert.order_ids for order in undelivered):
        return ClearReason.MOVED
    return ClearReason.NOT_DUE


def _late_subject(order: Undelivered) -> str:
    return order_subject(order.order_id) if order.vehicle_id is None else vehicle_subject(order.vehicle_id)


def _late_finding(subject: str, orders: list[Undelivered]) -> Finding:
    first = min(orders, key=lambda order: (order.promised_at, order.order_id))
    return Finding(
        kind=AlertKind.LATE,
        subject=subject,
        depot_id=first.depot_id,
        vehicle_id=first.vehicle_id,
        order_ids=tuple(sorted(order.order_id for order in orders)),
        severity=Severity.CRITICAL,
        since=first.promised_at,
        detail={"promised_at": first.promised_at.isoformat()},
    )


STALE_AT_LEAST = timedelta(minutes=15)
STALE_INTERVALS = 3


def silence_limit(expected_interval: timedelta) -> timedelta:
    """How long something may be silent before nobody knows where it is: 15 minutes, or three intervals."""
    return max(STALE_AT_LEAST, STALE_INTERVALS * expected_interval)


@dataclass(frozen=True, slots=True)
class TrackedLeg:
    """An order under way, between stops, on a vehicle with a tracker.

    last_fix_at: device time of the vehicle's newest fix, None when it never sent one. expected_interval_s:
    how often its tracker is meant to send.
    """

    order_id: int
    vehicle_id: int
    depot_id: int
    under_way_since: datetime
    last_fix_at: datetime | None
    expected_interval_s: float

    @property
    def silent_from(self) -> datetime:
        """When the silence becomes an alert, if no fix comes before."""
        limit = silence_limit(timedelta(seconds=self.expected_interval_s))
        return (self.last_fix_at or self.under_way_since) + limit


def stale(legs: Iterable[TrackedLeg], now: datetime) -> list[Finding]:
    """One finding per vehicle that carries orders and has been silent for too long."""
    by_vehicle: dict[int, list[TrackedLeg]] = {}
    for leg in legs:
        if leg.silent_from < now:
            by_vehicle.setdefault(leg.vehicle_id, []).append(leg)
    return [_stale_finding(vehicle_id, silent) for vehicle_id, silent in by_vehicle.items()]


def why_silence_ended(alert: OpenAlert, legs: Iterable[TrackedLeg]) -> ClearReason:
    """Why a silence is over: the vehicle was heard, or carries nothing between two stops any more."""
    if any(vehicle_subject(leg.vehicle_id) == alert.subject for leg in legs):
        return ClearReason.FIX_RECEIVED
    return ClearReason.NOT_UNDER_WAY


def _stale_finding(vehicle_id: int, silent: list[TrackedLeg]) -> Finding:
    first = min(silent, key=lambda leg: leg.silent_from)
    return Finding(
        kind=AlertKind.STALE,
        subject=vehicle_subject(vehicle_id),
        depot_id=first.depot_id,
        vehicle_id=vehicle_id,
        order_ids=tuple(sorted(leg.order_id for leg in silent)),
        severity=Severity.WARNING,
        since=first.silent_from,
        detail={"last_fix_at": first.last_fix_at.isoformat() if first.last_fix_at else None},
    )
