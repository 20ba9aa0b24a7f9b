"""WGS-84 to GCJ-02 and back, in plain Python."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from geo.reference.distance import check_positions

AXIS_M = 6_378_245.0
ECCENTRICITY_SQUARED = 0.00669342162296594323
CLOSE_ENOUGH_DEG = 1e-6
MAX_ROUNDS = 12
PI = math.pi

Columns = tuple[NDArray[np.float64], NDArray[np.float64]]


def wgs84_to_gcj02(lats: NDArray[np.float64], lons: NDArray[np.float64]) -> Columns:
    """GCJ-02 of n WGS-84 points."""
    return _each(lats, lons, _shifted)


def gcj02_to_wgs84(lats: NDArray[np.float64], lons: NDArray[np.float64]) -> Columns:
    """WGS-84 of n GCJ-02 points."""
    return _each(lats, lons, _unshifted)


def _each(lats: NDArray[np.float64], lons: NDArray[np.float64], convert) -> Columns:  # type: ignore[no-untyped-def]
    if len(lats) != len(lons):
        raise ValueError("the columns must be equally long")
    check_positions(lats, lons, "fix")
    points = [convert(lat, lon) for lat, lon in zip(lats.tolist(), lons.tolist(), strict=True)]
    columns = np.array(points, dtype=np.float64).reshape(-1, 2)
    return columns[:, 0].copy(), columns[:, 1].copy()


def _outside_china(lat: float, lon: float) -> bool:
    return not (72.004 <= lon <= 137.8347 and 0.8293 <= lat <= 55.8271)


def _shift(lat: float, lon: float) -> tuple[float, float]:
    """Degrees (lat, lon) by which GCJ-02 moves a point."""
    x, y = lon - 105.0, lat - 35.0
    wave = (20.0 * math.sin(6.0 * x * PI) + 20.0 * math.sin(2.0 * x * PI)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + wave
    north += (20.0 * math.sin(y * PI) + 40.0 * math.sin(y / 3.0 * PI)) * 2.0 / 3.0
    north += (160.0 * math.sin(y / 12.0 * PI) + 320.0 * math.sin(y * PI / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + wave
    east += (20.0 * math.sin(x * PI) + 40.0 * math.sin(x / 3.0 * PI)) * 2.0 / 3.0
    east += (150.0 * math.sin(x / 12.0 * PI) + 300.0 * math.sin(x / 30.0 * PI)) * 2.0 / 3.0
    radians = lat / 180.0 * PI
    sine = math.sin(radians)
    magic = 1.0 - ECCENTRICITY_SQUARED * sine * sine
    root = math.sqrt(magic)
    dlat = north * 180.0 / (AXIS_M * (1.0 - ECCENTRICITY_SQUARED) / (magic * root) * PI)
    dlon = east * 180.0 / (AXIS_M / root * math.cos(radians) * PI)
    return dlat, dlon


def _shifted(lat: float, lon: float) -> tuple[float, float]:
    if _outside_china(lat, lon):
        return lat, lon
    dlat, dlon = _shift(lat, lon)
    return lat + dlat, lon + dlon


def _unshifted(lat: float, lon: float) -> tuple[float, float]:
    """The point that the shift moves here: fixed-point rounds; the shift hardly varies."""
    if _outside_china(lat, lon):
        return lat, lon
    guess_lat, guess_lon = lat, lon
    for _ in range(MAX_ROUNDS):
        dlat, dlon = _shift(guess_lat, guess_lon)
        next_lat, next_lon = lat - dlat, lon - dlon
        moved = max(abs(next_lat - guess_lat), abs(next_lon - guess_lon))
        guess_lat, guess_lon = next_lat, next_lon
        if moved < CLOSE_ENOUGH_DEG:
            break
    return guess_lat, guess_lon
