"""The only things Zaitu receives: fixes, scans and readings; everything else is derived from them.

They are named tuples because there are so many: a frozen dataclass takes three times as long to make.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

REFOLD_HORIZON = timedelta(days=7)
OLDEST_ACCEPTED = timedelta(days=400)
NEWEST_ACCEPTED = timedelta(minutes=5)


class Kind(StrEnum):
    """What a payload reports, which is also the last part of its topic."""

    GPS = "gps"
    SCAN = "scan"
    TELEMETRY = "telemetry"
    STATUS = "status"
    CMD_ACK = "cmd_ack"


class Action(StrEnum):
    """What a scan says was done with the package or order."""

    PICK = "pick"
    PACK = "pack"
    LOAD = "load"
    UNLOAD = "unload"
    HUB_IN = "hub_in"
    HUB_OUT = "hub_out"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVER = "deliver"
    ATTEMPT_FAILED = "attempt_failed"
    REFUSED = "refused"
    RETURN = "return"
    EXCEPTION = "exception"
    VOID = "void"


class Stamp(NamedTuple):
    """Times and identity of one fact: device time, hash of the content, first received.

    Where the device's clock has been corrected, `device_time` is the corrected time, by which the fact
    counts, and `reported_time` the one received.
    """

    device_time: datetime
    content_hash: int
    received_at: datetime
    seq: int | None
    reported_time: datetime | None = None

    @property
    def as_received(self) -> datetime:
        """The device time that is part of the fact's identity."""
        return self.device_time if self.reported_time is None else self.reported_time

    @property
    def too_late(self) -> bool:
        """Older than the refold horizon when it came: stored, but not folded."""
        return self.received_at - self.device_time > REFOLD_HORIZON


class Fix(NamedTuple):
    """A position report in WGS-84 degrees; `datum` is the one it was sent in."""

    stamp: Stamp
    lat: float
    lon: float
    datum: str
    alt_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    accuracy_m: float | None = None


class Scan(NamedTuple):
    """A handheld scanner's report about one package or order code."""

    stamp: Stamp
    scan_id: str
    code: str
    action: Action
    operator: str | None = None
    vehicle: str | None = None
    lat: float | None = None
    lon: float | None = None
    reason: str | None = None
    signed_by: str | None = None
    note: str | None = None
    proof: str | None = None


class Reading(NamedTuple):
    """Telemetry (temperature, fuel…) or a device's own status, kept as sent."""

    stamp: Stamp
    kind: Kind
    body: dict[str, object]


Fact = Fix | Scan | Reading


def kind_of(fact: Fact) -> Kind:
    """The kind of payload a fact came in."""
    if isinstance(fact, Fix):
        return Kind.GPS
    return Kind.SCAN if isinstance(fact, Scan) else fact.kind


class ClockFault(StrEnum):
    """Why a device time cannot be believed."""

    UNSET = "clock_unset"
    FUTURE = "clock_future"
    TOO_OLD = "clock_too_old"


UNSET_BEFORE = datetime.fromisoformat("2000-01-02T00:00:00+00:00")


def believable_times(received_at: datetime) -> tuple[datetime, datetime]:
    """The earliest and the latest device time that is believed of a fact received then."""
    return received_at - OLDEST_ACCEPTED, received_at + NEWEST_ACCEPTED


def clock_fault(device_time: datetime, received_at: datetime) -> ClockFault | None:
    """Judge a device time against the time of receipt; None when it can be believed.

    Accepted is [received - 400 days, received + 5 minutes]. A time before 2 January 2000 is a clock that was
    never set.
    """
    earliest, latest = believable_times(received_at)
    if device_time > latest:
        return ClockFault.FUTURE
    if device_time >= earliest:
        return None
    return ClockFault.UNSET if device_time < UNSET_BEFORE else ClockFault.TOO_OLD
