"""The state of crossings in plain Python: one slot per vehicle, and its bytes."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

STATE_VERSION = 1
HEADER = struct.Struct("<2sBBI")
FIX = struct.Struct("<4d")
PAIR = struct.Struct("<qBB6x10d")
MAX_SLOT = 1 << 24


class Phase(IntEnum):
    """Where a vehicle stands with a fence; a fence it is outside of has no state."""

    ENTERING = 0
    WITHIN = 1
    LEAVING = 2
    PASSING = 3


class Fix(NamedTuple):
    """A fix in the fold: epoch s, degrees, metres (never unknown)."""

    at_s: float
    lat: float
    lon: float
    accuracy_m: float


class Cut(NamedTuple):
    """When and where an edge was crossed."""

    at_s: float
    plus_minus_s: float
    lat: float
    lon: float


NO_CUT = Cut(0.0, 0.0, 0.0, 0.0)


@dataclass(slots=True)
class Pair:
    """One vehicle and one fence: the run of fixes beyond the edge, if any, and what it would amount to."""

    phase: Phase
    since_s: float = 0.0
    decisive: int = 0
    cut: Cut = NO_CUT
    exit_cut: Cut = NO_CUT
    dwell_from_s: float = math.nan


@dataclass(slots=True)
class Slot:
    """One vehicle: its last two fixes and the fences it is not simply outside of."""

    last: Fix | None = None
    before: Fix | None = None
    pairs: dict[int, Pair] = field(default_factory=dict)


def between(start: Fix, end: Fix, share: float, plus_minus_s: float) -> Cut:
    """A point on the way between two fixes, given as a share of it."""
    return Cut(
        start.at_s + share * (end.at_s - start.at_s),
        plus_minus_s,
        start.lat + share * (end.lat - start.lat),
        start.lon + share * (end.lon - start.lon),
    )


def check_slot(slot: int) -> None:
    """Raise ValueError unless a slot is a small integer: state lies in columns up to the highest."""
    if not 0 <= slot < MAX_SLOT:
        raise ValueError(f"slot {slot} is not within 0 and {MAX_SLOT - 1}")


def pack_state(slot: Slot) -> bytes:
    """A slot's state as bytes."""
    fixes = [fix for fix in (slot.last, slot.before) if fix is not None]
    parts = [HEADER.pack(b"ZC", STATE_VERSION, len(fixes), len(slot.pairs))]
    parts += [FIX.pack(*fix) for fix in fixes]
    for fence_id, pair in sorted(slot.pairs.items()):
        cuts = (*pair.cut, *pair.exit_cut)
        parts.append(PAIR.pack(fence_id, pair.phase, pair.decisive, pair.since_s, *cuts, pair.dwell_from_s))
    return b"".join(parts)


def unpack_state(state: bytes) -> Slot:
    """The slot that was packed; raises ValueError for bytes that are not one."""
    if len(state) < HEADER.size:
        raise ValueError("these bytes are not a crossing state: too short")
    magic, version, fix_count, pair_count = HEADER.unpack_from(state)
    if magic != b"ZC" or version != STATE_VERSION or fix_count > 2:
        raise ValueError(
            "these bytes are not a crossing state of this version: rebuild the vehicle from its positions"
        )
    fixes_end = HEADER.size + fix_count * FIX.size
    if len(state) != fixes_end + pair_count * PAIR.size:
        raise ValueError("these bytes are not a crossing state: wrong length")
    fixes = [Fix(*values) for values in FIX.iter_unpack(state[HEADER.size : fixes_end])]
    pairs = list(PAIR.iter_unpack(state[fixes_end:]))
    if any(phase > Phase.PASSING for _, phase, *_ in pairs) or (pairs and not fixes):
        raise ValueError("these bytes are not a crossing state: wrong content")
    last, before = (*fixes, None, None)[:2]
    return Slot(last, before, {fence_id: _unpacked_pair(*values) for fence_id, *values in pairs})


def _unpacked_pair(phase: int, decisive: int, since_s: float, *rest: float) -> Pair:
    return Pair(Phase(phase), since_s, decisive, Cut(*rest[:4]), Cut(*rest[4:8]), rest[8])
