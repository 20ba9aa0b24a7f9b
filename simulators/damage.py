"""Payloads no server should believe, each with what docs/wire-format.md section 9 says becomes of it."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

Item = Mapping[str, object]
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Damage:
    """A way to spoil a message: what to call it, what it makes of a good item, and the fate of the result."""

    name: str
    spoil: Callable[[Item, random.Random], bytes]
    fate: str


def _json(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _with(**changes: object) -> Callable[[Item, random.Random], bytes]:
    return lambda item, rng: _json({**item, **changes})


def _without(field: str) -> Callable[[Item, random.Random], bytes]:
    return lambda item, rng: _json({name: value for name, value in item.items() if name != field})


def _always(payload: bytes) -> Callable[[Item, random.Random], bytes]:
    return lambda item, rng: payload


def _cut(item: Item, rng: random.Random) -> bytes:
    whole = _json(item)
    return whole[: rng.randrange(1, len(whole))]


def _cut_msgpack(item: Item, rng: random.Random) -> bytes:
    whole = msgspec.msgpack.encode(item)
    return whole[: rng.randrange(1, len(whole))]


def _nan_msgpack(item: Item, rng: random.Random) -> bytes:
    return msgspec.msgpack.encode({**item, "lat": math.nan})


def _too_many_bytes(item: Item, rng: random.Random) -> bytes:
    return _json({**item, "padding": "x" * 300_000})


def _too_many_items(item: Item, rng: random.Random) -> bytes:
    return _json([{"ts": 0}] * 5001)


def _seconds_for_milliseconds(item: Item, rng: random.Random) -> bytes:
    ts = item["ts"]
    assert isinstance(ts, int)
    return _json({**item, "ts": ts // 1000})


# Seconds since 1970 of a clock that counts from the GPS week rollover of 2004, and of one far ahead.
_YEAR_2004_MS = 1_072_915_200_000
_YEAR_2099_MS = 4_070_908_800_000

GPS_DAMAGE: tuple[Damage, ...] = (
    Damage("cut short", _cut, "bad_json"),
    Damage("NaN in JSON", lambda item, rng: _json({**item, "lat": math.nan}), "bad_json"),
    Damage("not JSON", _always(b"$GPRMC,092751.000,A,3113.824,N,12128.422,E*6A"), "bad_json"),
    Damage("something after the end", lambda item, rng: _json(item) + b"}", "bad_json"),
    Damage("not UTF-8", lambda item, rng: _json(item)[:-1] + b',"note":"\xff\xfe"}', "bad_json"),
    Damage("nothing", _always(b""), "bad_json"),
    Damage("MessagePack cut short", _cut_msgpack, "bad_msgpack"),
    Damage("NaN in MessagePack", _nan_msgpack, "not_finite"),
    Damage("latitude of 91", _with(lat=91.0), "out_of_range"),
    Damage("longitude of 181", _with(lon=-181.0), "out_of_range"),
    Damage("negative speed", _with(speed_mps=-3.0), "out_of_range"),
    Damage("another datum", _with(datum="bd09"), "out_of_range"),
    Damage("latitude as text", _with(lat="31.2304"), "wrong_type"),
    Damage("longitude as boolean", _with(lon=True), "wrong_type"),
    Damage("time without a zone", _with(ts="2026-11-21 08:30:00"), "wrong_type"),
    Damage("no latitude", _without("lat"), "missing_field"),
    Damage("no time", _without("ts"), "missing_field"),
    Damage("empty array", _always(b"[]"), "empty_array"),
    Damage("a bare number", _always(b"42"), "not_object"),
    Damage("null", _always(b"null"), "not_object"),
    Damage("an array in an array", lambda item, rng: _json([[item]]), "not_object"),
    Damage("another device's name", _with(device="somebody-else"), "topic_mismatch"),
    Damage("too many bytes", _too_many_bytes, "too_large"),
    Damage("too many items", _too_many_items, "too_large"),
    Damage("clock never set", lambda item, rng: _json({**item, "ts": rng.randrange(_DAY_MS)}), "quarantined"),
    Damage(
        "clock of 2004",
        lambda item, rng: _json({**item, "ts": _YEAR_2004_MS + rng.randrange(_DAY_MS)}),
        "quarantined",
    ),
    Damage(
        "clock of 2099",
        lambda item, rng: _json({**item, "ts": _YEAR_2099_MS + rng.randrange(_DAY_MS)}),
        "quarantined",
    ),
    Damage("seconds for milliseconds", _seconds_for_milliseconds, "quarantined"),
)

SCAN_DAMAGE: tuple[Damage, ...] = (
    Damage("cut short", _cut, "bad_json"),
    Damage("an unknown action", _with(action="teleport"), "unknown_action"),
    Damage("no code", _without("code"), "missing_field"),
    Damage("no action", _without("action"), "missing_field"),
    Damage("code as number", _with(code=6901234567892), "wrong_type"),
    Damage("empty code", _with(code=""), "out_of_range"),
)

DAMAGE: Mapping[str, tuple[Damage, ...]] = {"gps": GPS_DAMAGE, "scan": SCAN_DAMAGE}
