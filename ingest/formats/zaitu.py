"""Our own wire format (docs/wire-format.md): JSON or MessagePack, one object or an array of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from domain.facts import Action, Fact, Fix, Kind, Reading, Scan, Stamp
from ingest.formats.fields import MAX_INTEGER, AwareDatetime, Refusal, from_epoch_ms, identified, read_item

MAX_PAYLOAD_BYTES = 262_144
MAX_ITEMS = 5_000
WHOLE = -1

_Degrees90 = Annotated[float, Meta(ge=-90, le=90)]
_Degrees180 = Annotated[float, Meta(ge=-180, le=180)]
_EpochMs = Annotated[int, Meta(ge=-62_135_596_800_000, le=253_402_300_799_999)]


class _GpsItem(msgspec.Struct, gc=False):
    """The `gps` row of fields.FIELDS again, in the form msgspec decodes and checks at once."""

    ts: _EpochMs | AwareDatetime
    lat: _Degrees90
    lon: _Degrees180
    seq: Annotated[int, Meta(ge=0, le=MAX_INTEGER)] | None = None
    datum: str | None = None
    alt_m: Annotated[float, Meta(ge=-1_000, le=20_000)] | None = None
    speed_mps: Annotated[float, Meta(ge=0, le=150)] | None = None
    heading_deg: Annotated[float, Meta(ge=0, le=360)] | None = None
    accuracy_m: Annotated[float, Meta(ge=0, le=100_000)] | None = None
    device: str | None = None


_json_gps = msgspec.json.Decoder(_GpsItem | list[_GpsItem])
_encoder = msgspec.msgpack.Encoder()
_DATUMS = (None, "wgs84", "gcj02")
_EMPTY_HASHES = {kind: blake2b(digest_size=8, person=kind.value.encode()) for kind in Kind}


@dataclass(slots=True)
class Decoded:
    """What a payload held: usable facts and refused items, each with its place (WHOLE: the payload)."""

    facts: list[tuple[int, Fact]] = field(default_factory=list)
    refusals: list[tuple[int, Refusal]] = field(default_factory=list)


def decode(kind: Kind, payload: bytes, device: str, default_datum: str, received_at: datetime) -> Decoded:
    """Read a payload of `kind` from `device`; never raises, every item ends in `facts` or `refusals`.

    Fixes keep the coordinates and datum they were sent in.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        return _refuse_whole("too_large", f"{len(payload)} bytes; at most {MAX_PAYLOAD_BYTES} are taken")
    # ASCII alone: msgspec does not check the UTF-8 of fields it skips. MessagePack never is.
    if kind is Kind.GPS and payload.isascii():
        decoded = _decode_gps_fast(payload, device, default_datum, received_at)
        if decoded is not None:
            return decoded
    content = _parse(payload)
    if isinstance(content, Refusal):
        return Decoded(refusals=[(WHOLE, content)])
    if isinstance(content, list):
        if not content:
            return _refuse_whole("empty_array", "the array has no items")
        if len(content) > MAX_ITEMS:
            return _refuse_whole("too_large", f"{len(content)} items; at most {MAX_ITEMS} are taken")
    return _decode_items(kind, content, device, default_datum, received_at)


def _decode_items(
    kind: Kind, content: object, device: str, default_datum: str, received_at: datetime
) -> Decoded:
    decoded = Decoded()
    for place, item in _items(content):
        fields = read_item(kind, item, device)
        if isinstance(fields, Refusal):
            refusal = identified(fields, kind, item)
            if isinstance(content, list):
                refusal = replace(refusal, content=_alone(item))
            decoded.refusals.append((place, refusal))
        else:
            decoded.facts.append((place, _fact(kind, fields, default_datum, received_at)))
    return decoded


def _alone(item: object) -> bytes:
    """An item as a payload of its own; MessagePack keeps what JSON has no words for, such as NaN."""
    try:
        return _encoder.encode(item) if isinstance(item, dict) else msgspec.json.encode(item)
    except (msgspec.MsgspecError, TypeError, OverflowError, RecursionError):
        return repr(item).encode()


def _items(content: object) -> Iterator[tuple[int, object]]:
    return enumerate(content if isinstance(content, list) else [content])


def _decode_gps_fast(
    payload: bytes, device: str, default_datum: str, received_at: datetime
) -> Decoded | None:
    """The common case in one pass; None sends the payload to the slow path, which says what is wrong."""
    try:
        items = _json_gps.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, OverflowError, RecursionError):
        return None
    if not isinstance(items, list):
        items = [items]
    if not 1 <= len(items) <= MAX_ITEMS:
        return None
    facts: list[tuple[int, Fact]] = []
    for place, item in enumerate(items):
        if item.datum not in _DATUMS or (item.device is not None and item.device != device):
            return None
        ts = item.ts
        at = from_epoch_ms(ts) if isinstance(ts, int) else ts.astimezone(UTC)
        facts.append((place, _fix(at, item, default_datum, received_at)))
    return Decoded(facts)


def _fact(kind: Kind, fields: dict[str, Any], default_datum: str, received_at: datetime) -> Fact:
    if kind is Kind.GPS:
        return _fix(fields["ts"], _GpsItem(**fields), default_datum, received_at)
    stamp = Stamp(fields["ts"], _content_hash(kind, sorted(fields.items())), received_at, fields.get("seq"))
    body = {name: value for name, value in fields.items() if name not in ("ts", "seq")}
    if kind is not Kind.SCAN:
        return Reading(stamp, kind, _storable(body))
    body.pop("datum", None)
    return Scan(stamp, **{**body, "action": Action(body["action"])})


def _fix(at: datetime, item: _GpsItem, default_datum: str, received_at: datetime) -> Fix:
    seq, datum, heading_deg = item.seq, item.datum, item.heading_deg
    if heading_deg == 360.0:
        heading_deg = 0.0
    lat, lon, alt_m, speed_mps, accuracy_m = item.lat, item.lon, item.alt_m, item.speed_mps, item.accuracy_m
    content = (at, seq, lat, lon, datum, alt_m, speed_mps, heading_deg, accuracy_m)
    stamp = Stamp(at, _content_hash(Kind.GPS, content), received_at, seq)
    return Fix(stamp, lat, lon, datum or default_datum, alt_m, speed_mps, heading_deg, accuracy_m)


def _content_hash(kind: Kind, content: object) -> int:
    """64 bits of the decoded content: the same whatever the encoding or the order of the fields was."""
    digest = _EMPTY_HASHES[kind].copy()
    digest.update(_encoder.encode(content))
    return int.from_bytes(digest.digest(), "big", signed=True)


def _storable(body: dict[str, Any]) -> dict[str, object]:
    """Readings with integers beyond 64 bits as floats, which is what JSON readers make of them."""
    readings = body.get("readings")
    if readings is None:
        return body
    return {
        "readings": {
            name: float(value) if isinstance(value, int) and abs(value) > MAX_INTEGER else value
            for name, value in sorted(readings.items())
        }
    }


def _parse(payload: bytes) -> object | Refusal:
    if _is_msgpack(payload):
        return _parse_with(msgspec.msgpack.decode, payload, "bad_msgpack", "MessagePack")
    if not payload:
        return Refusal("bad_json", "the payload is empty")
    return _parse_with(msgspec.json.decode, payload, "bad_json", "JSON")


def _parse_with(parse: Any, payload: bytes, reason: str, name: str) -> object | Refusal:
    try:
        content: object = parse(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, OverflowError, RecursionError, TypeError) as exc:
        return Refusal(reason, f"not {name}: {exc}")
    return content


def _is_msgpack(payload: bytes) -> bool:
    first = payload[0] if payload else 0
    return 0x80 <= first <= 0x9F or 0xDC <= first <= 0xDF


def _refuse_whole(reason: str, detail: str) -> Decoded:
    return Decoded(refusals=[(WHOLE, Refusal(reason, detail))])
