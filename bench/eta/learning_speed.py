"""How long it takes to learn a million positions: snapped to their routes, cut into cells, summed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from geo.pace import PaceTable, observe
from geo.progress import Route, RouteProgress
from geo.road_cells import lane_of, road_path

TRIPS, FIXES = 1000, 1000
FIX_EVERY_S = 10.0
BEGINS_S = 1_767_600_000.0
SEED = 4


def run(advance: Callable[[float], None]) -> dict[str, Any]:
    """Learn trips of 2.8 hours with a fix every 10 s, on 50 crooked routes, as the learning duty does."""
    random = np.random.default_rng(SEED)
    routes = [_route(random) for _ in range(50)]
    table = PaceTable()
    learning_s = 0.0
    for number in range(TRIPS):
        lats, lons = routes[number % len(routes)]
        times_s = BEGINS_S + 3600.0 * number + FIX_EVERY_S * np.arange(FIXES)
        shares = np.linspace(0.0, len(lats) - 1.0, FIXES)
        jitter = random.normal(0.0, 3e-5, (2, FIXES))
        seen_lats = np.interp(shares, np.arange(len(lats)), lats) + jitter[0]
        seen_lons = np.interp(shares, np.arange(len(lons)), lons) + jitter[1]
        began = time.perf_counter()
        progress = RouteProgress()
        progress.assign(0, Route(lats, lons))
        seen = progress.advance(np.zeros(FIXES, np.int64), times_s, seen_lats, seen_lons, np.full(FIXES, 5.0))
        path = road_path(lats, lons, lane=lane_of(lats, lons))
        usual = table.usual(path, float(times_s[-1]))
        table.add(observe(path, times_s[seen.on_trip], seen.distance_m[seen.on_trip], usual=usual))
        learning_s += time.perf_counter() - began
        advance((number + 1) / TRIPS)
    return {
        "positions": TRIPS * FIXES,
        "learning_s": round(learning_s, 2),
        "positions_per_s": round(TRIPS * FIXES / learning_s),
        "cells": len(table),
    }


def _route(random: np.random.Generator) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    bearing = random.uniform(0, 2 * np.pi) + np.cumsum(random.normal(0, 0.1, 400))
    lats = 31.0 + random.uniform(0, 1) + np.cumsum(np.cos(bearing)) * 0.0025
    lons = 120.0 + random.uniform(0, 1) + np.cumsum(np.sin(bearing)) * 0.0028
    return lats, lons
