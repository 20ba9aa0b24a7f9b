"""Which fixes the fold believes: a short ordered list of rules, each a step that may refuse a fix."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime

import msgspec

from domain.fix_filters import FixLimits
from store.facts import StoredFix

EARTH_RADIUS_M = 6_371_008.8
LONGEST_DEGREE_M = 111_400.0


class FilterState(msgspec.Struct, array_like=True):
    """What the rules remember of a vehicle: its newest fix's time, the last believed fix, fixes in doubt, and
    how many fixes in a row repeated the believed one's place.
    """

    seen_at: datetime | None = None
    believed: StoredFix | None = None
    doubted: list[StoredFix] = msgspec.field(default_factory=list)
    repeats: int = 0


def same_time(state: FilterState, fix: StoredFix, limits: FixLimits) -> bool:
    """A second fix of the same time: the one with the lowest content hash came first and counts."""
    return state.seen_at == fix.device_time


def zero_island(state: FilterState, fix: StoredFix, limits: FixLimits) -> bool:
    """A receiver without a position that reports 0, 0."""
    return abs(fix.lat) < 1e-6 and abs(fix.lon) < 1e-6


def accuracy_gate(state: FilterState, fix: StoredFix, limits: FixLimits) -> bool:
    """A position by mobile network cell, not by satellites: it says nothing about fences or progress."""
    return fix.accuracy_m is not None and fix.accuracy_m > limits.max_accuracy_m


def frozen_fix(state: FilterState, fix: StoredFix, limits: FixLimits) -> bool:
    """A receiver that hangs: it claims to drive, and repeats one place to the last digit.

    A parked vehicle, whose receiver may hold its place on purpose, claims no speed.
    """
    believed = state.believed
    if believed is None or fix.lat != believed.lat or fix.lon != believed.lon:
        state.repeats = 0
        return False
    state.repeats += 1
    claims_to_drive = fix.speed_mps is not None and fix.speed_mps >= limits.frozen_speed_mps
    return claims_to_drive and state.repeats >= limits.frozen_fixes


def absurd_speed(state: FilterState, fix: StoredFix, limits: FixLimits) -> bool:
    """A jump no truck can make: the fix is kept in doubt until others in a row insist on the place."""
    if state.believed is None or _is_reachable(state.believed, fix, limits):
        if state.doubted:
            state.doubted = []
        return False
    insists = bool(state.doubted) and _is_reachable(state.doubted[-1], fix, limits)
    state.doubted = [*state.doubted, fix] if insists else [fix]
    return len(state.doubted) < limits.insisting


Rule = Callable[[FilterState, StoredFix, FixLimits], bool]
RULES: tuple[Rule, ...] = (same_time, zero_island, accuracy_gate, frozen_fix, absurd_speed)


def sift(state: FilterState, fix: StoredFix, limits: FixLimits) -> tuple[list[StoredFix], str | None]:
    """The fixes to fold now that this one is here, by time, and the rule that refuses it, if one does.

    Fixes in doubt are folded, before it, once enough of them insist. Moves the state on.
    """
    for rule in RULES:
        if rule(state, fix, limits):
            state.seen_at = fix.device_time
            return [], rule.__name__
    state.seen_at = fix.device_time
    released = state.doubted
    state.believed = fix
    if not released:
        return [fix], None
    state.doubted = []
    return released, None


def _is_reachable(before: StoredFix, fix: StoredFix, limits: FixLimits) -> bool:
    elapsed_s = (fix.device_time - before.device_time).total_seconds()
    reach_m = limits.max_speed_mps * max(elapsed_s, 1.0)
    # A degree is at most 111.4 km: most fixes need no trigonometry.
    if (abs(fix.lat - before.lat) + abs(fix.lon - before.lon)) * LONGEST_DEGREE_M <= reach_m:
        return True
    return _distance_m(before.lat, before.lon, fix.lat, fix.lon) <= reach_m


def _distance_m(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Great-circle distance in metres (haversine)."""
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    a = (
        math.sin((phi2 - phi1) / 2) ** 2
        + math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(a))
