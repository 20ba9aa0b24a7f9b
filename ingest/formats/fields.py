"""The fields of our own wire format as a table, and the check that names what is wrong with an item."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec

from domain.facts import Action, Kind

AwareDatetime = Annotated[datetime, msgspec.Meta(tz=True)]
MAX_INTEGER = 9_007_199_254_740_991
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Until the year 2096 seconds as a float round to the right microsecond, which is twice as fast.
_FLOAT_IS_EXACT_BELOW_MS = 4_000_000_000_000
_OLDEST_MS = -62_135_596_800_000
_NEWEST_MS = 253_402_300_799_999
_READING_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MAX_READINGS = 64
_MAX_READING_TEXT = 256


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an item, or a whole payload, cannot be used: a code of docs/wire-format.md and a sentence.

    `seq` and `scan_id` are the item's, where they can be read all the same: its device is told by them.
    `content` is an item of an array, as a payload of its own; None where the payload is the item.
    """

    reason: str
    detail: str
    seq: int | None = None
    scan_id: str | None = None
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """A number within a closed range."""

    low: float
    high: float
    required: bool = False


@dataclass(frozen=True, slots=True)
class Integer:
    """An integer within a closed range."""

    low: int
    high: int
    required: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A string with a length in characters, and optionally one of a list."""

    low: int
    high: int
    required: bool = False
    one_of: frozenset[str] | None = None
    reason: str = "out_of_range"


@dataclass(frozen=True, slots=True)
class Time:
    """Milliseconds since the epoch, or RFC 3339 text with an offset."""

    required: bool = True


@dataclass(frozen=True, slots=True)
class Readings:
    """Named measured values."""

    required: bool = True


Field = Number | Integer | Text | Time | Readings
_DATUMS = frozenset({"wgs84", "gcj02"})
_SHARED: dict[str, Field] = {"ts": Time(), "seq": Integer(0, MAX_INTEGER), "device": Text(0, 1 << 20)}
_PLACE: dict[str, Field] = {
    "lat": Number(-90, 90),
    "lon": Number(-180, 180),
    "datum": Text(0, 8, one_of=_DATUMS),
}
_STATES = frozenset({"online", "offline", "sleeping"})
_RESULTS = frozenset({"done", "refused", "failed", "unknown"})

FIELDS: Mapping[Kind, Mapping[str, Field]] = {
    Kind.GPS: {
        **_SHARED,
        **_PLACE,
        "lat": Number(-90, 90, required=True),
        "lon": Number(-180, 180, required=True),
        "alt_m": Number(-1_000, 20_000),
        "speed_mps": Number(0, 150),
        "heading_deg": Number(0, 360),
        "accuracy_m": Number(0, 100_000),
    },
    Kind.SCAN: {
        **_SHARED,
        **_PLACE,
        "scan_id": Text(1, 64, required=True),
        "code": Text(1, 128, required=True),
        "action": Text(0, 64, required=True, one_of=frozenset(Action), reason="unknown_action"),
        "operator": Text(1, 64, required=True),
        "vehicle": Text(1, 64),
        "reason": Text(0, 500),
        "signed_by": Text(0, 100),
        "note": Text(0, 1_000),
        "proof": Text(0, 500),
    },
    Kind.TELEMETRY: {**_SHARED, "readings": Readings()},
    Kind.STATUS: {
        **_SHARED,
        "state": Text(0, 16, required=True, one_of=_STATES),
        "battery_pct": Number(0, 100),
        "signal_dbm": Number(-200, 0),
        "firmware": Text(0, 64),
        "stored": Integer(0, MAX_INTEGER),
    },
    Kind.CMD_ACK: {
        **_SHARED,
        "id": Text(1, 64, required=True),
        "result": Text(0, 16, required=True, one_of=_RESULTS),
        "note": Text(0, 500),
    },
}


def read_item(kind: Kind, item: object, device: str) -> dict[str, Any] | Refusal:
    """Check one decoded item against the table: its named fields with values as typed here, or the refusal.

    `ts` comes back as aware UTC. Fields that are absent or null are left out; unnamed fields are dropped.
    """
    if not isinstance(item, dict):
        return Refusal("not_object", f"expected an object, got {_type_name(item)}")
    fields: dict[str, Any] = {}
    for name, field in FIELDS[kind].items():
        value = item.get(name)
        if value is None:
            if field.required:
                return Refusal("missing_field", f"{name} is missing")
            continue
        read = _read_value(name, field, value)
        if isinstance(read, Refusal):
            return read
        fields[name] = read
    return _read_together(fields, device)


def identified(refusal: Refusal, kind: Kind, item: object) -> Refusal:
    """The refusal with what the item is called by its device."""
    if not isinstance(item, dict):
        return refusal
    seq = _read_integer("seq", Integer(0, MAX_INTEGER), item.get("seq"))
    scan_id = _read_text("scan_id", Text(1, 64), item.get("scan_id")) if kind is Kind.SCAN else None
    return replace(
        refusal,
        seq=seq if isinstance(seq, int) else None,
        scan_id=scan_id if isinstance(scan_id, str) else None,
    )


def _read_together(fields: dict[str, Any], device: str) -> dict[str, Any] | Refusal:
    """Rules about more than one field."""
    named = fields.pop("device", None)
    if named is not None and named != device:
        return Refusal("topic_mismatch", "device differs from the one in the topic")
    if ("lat" in fields) != ("lon" in fields):
        return Refusal("missing_field", "lat and lon come together or not at all")
    return fields


def _read_value(name: str, field: Field, value: object) -> object | Refusal:
    match field:
        case Number():
            return _read_number(name, field, value)
        case Integer():
            return _read_integer(name, field, value)
        case Text():
            return _read_text(name, field, value)
        case Time():
            return _read_time(name, value)
        case Readings():
            return _read_readings(name, value)


def _read_number(name: str, field: Number, value: object) -> float | Refusal:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Refusal("wrong_type", f"{name} must be a number, not {_type_name(value)}")
    if not math.isfinite(value):
        return Refusal("not_finite", f"{name} is not a finite number")
    if not field.low <= value <= field.high:
        return Refusal("out_of_range", f"{name} is {value:.10g}; it must be {field.low:g} to {field.high:g}")
    return float(value)


def _read_integer(name: str, field: Integer, value: object) -> int | Refusal:
    if isinstance(value, bool) or not isinstance(value, int):
        return Refusal("wrong_type", f"{name} must be an integer, not {_type_name(value)}")
    if not field.low <= value <= field.high:
        return Refusal("out_of_range", f"{name} is {value}; it must be {field.low} to {field.high}")
    return value


def _read_text(name: str, field: Text, value: object) -> str | Refusal:
    if not isinstance(value, str):
        return Refusal("wrong_type", f"{name} must be text, not {_type_name(value)}")
    if field.one_of is not None and value not in field.one_of:
        return Refusal(field.reason, f"{name} is not one of {', '.join(sorted(field.one_of))}")
    if not field.low <= len(value) <= field.high:
        return Refusal(
            "out_of_range", f"{name} has {len(value)} characters; it must have {field.low} to {field.high}"
        )
    if "\0" in value:
        return Refusal("out_of_range", f"{name} holds the character U+0000")
    return value


def _read_time(name: str, value: object) -> datetime | Refusal:
    if isinstance(value, str):
        return _read_rfc3339(name, value)
    if isinstance(value, bool) or not isinstance(value, int):
        return Refusal("wrong_type", f"{name} must be an integer or text, not {_type_name(value)}")
    if not _OLDEST_MS <= value <= _NEWEST_MS:
        return Refusal("out_of_range", f"{name} is no time between the years 1 and 9999")
    return from_epoch_ms(value)


def _read_rfc3339(name: str, value: str) -> datetime | Refusal:
    try:
        return msgspec.convert(value, AwareDatetime).astimezone(UTC)
    except msgspec.ValidationError:
        return Refusal("wrong_type", f"{name} must be RFC 3339 with Z or an offset")
    except OverflowError:
        return Refusal("out_of_range", f"{name} is no time between the years 1 and 9999")


def _read_readings(name: str, value: object) -> dict[str, Any] | Refusal:
    if not isinstance(value, dict):
        return Refusal("wrong_type", f"{name} must be an object, not {_type_name(value)}")
    if not 1 <= len(value) <= _MAX_READINGS:
        return Refusal("out_of_range", f"{name} has {len(value)} entries; it must have 1 to {_MAX_READINGS}")
    for key, reading in value.items():
        refusal = _refuse_reading(key, reading)
        if refusal is not None:
            return refusal
    return value


def _refuse_reading(key: object, reading: object) -> Refusal | None:
    if not isinstance(key, str):
        return Refusal("wrong_type", "a reading's name must be text")
    if not _READING_NAME.fullmatch(key):
        return Refusal(
            "out_of_range", "a reading's name must be 1 to 64 of a-z 0-9 _ and begin with a letter"
        )
    if isinstance(reading, str):
        if len(reading) > _MAX_READING_TEXT or "\0" in reading:
            return Refusal(
                "out_of_range", f"{key} must have at most {_MAX_READING_TEXT} characters, none U+0000"
            )
        return None
    if not isinstance(reading, bool | int | float):
        return Refusal("wrong_type", f"{key} must be a number, a boolean or text, not {_type_name(reading)}")
    if not math.isfinite(reading):
        return Refusal("not_finite", f"{key} is not a finite number")
    return None


def from_epoch_ms(milliseconds: int) -> datetime:
    """Aware UTC time of milliseconds since the epoch, exact to the millisecond."""
    if 0 <= milliseconds < _FLOAT_IS_EXACT_BELOW_MS:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _type_name(value: object) -> str:
    names = {bool: "a boolean", str: "text", list: "an array", dict: "an object", type(None): "null"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else "another type")
