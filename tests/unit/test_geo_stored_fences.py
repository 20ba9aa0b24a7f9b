import json
from typing import Any

import numpy as np
import pytest

from geo.geojson import FenceError, parse_fence, to_geojson
from geo.stored_fences import stored_fence

SQUARE = [[121.0, 31.0], [121.5, 31.0], [121.5, 31.5], [121.0, 31.5], [121.0, 31.0]]
HOLE = [[121.1, 31.1], [121.1, 31.2], [121.2, 31.2], [121.2, 31.1], [121.1, 31.1]]
FAR = [[lon + 2.0, lat - 40.0] for lon, lat in SQUARE]
KNOT = [[121.0, 31.0], [121.1, 31.1], [121.1, 31.0], [121.0, 31.1], [121.0, 31.0]]


def star(corners: int) -> list[list[float]]:
    random = np.random.default_rng(corners)
    angles = np.sort(random.uniform(0.0, 2.0 * np.pi, corners))
    reach = random.uniform(0.004, 0.009, corners)
    ring = np.column_stack([121.0 + reach * np.cos(angles), 31.0 + reach * np.sin(angles)]).tolist()
    return [*ring, ring[0]]


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "Polygon", "coordinates": [SQUARE]},
        {"type": "Polygon", "coordinates": [SQUARE, HOLE]},
        {"type": "MultiPolygon", "coordinates": [[SQUARE, HOLE], [FAR]]},
        {"type": "Polygon", "coordinates": [star(64)]},
        {"type": "Polygon", "coordinates": [KNOT]},
        {"type": "Point", "coordinates": [121.0, 31.0], "radius_m": 250.0},
        {"type": "LineString", "coordinates": [[121.0, 31.0], [121.1, 31.0]], "half_width_m": 100.0},
    ],
)
def test_what_was_stored_is_what_was_parsed(shape: dict[str, Any]) -> None:
    parsed = parse_fence(shape)
    stored = stored_fence(json.loads(json.dumps(to_geojson(parsed))))
    for name in ("coordinates", "ring_starts", "polygon_starts"):
        np.testing.assert_array_equal(getattr(stored, name), getattr(parsed, name))
    assert stored.radius_m == parsed.radius_m
    assert stored.half_width_m == pytest.approx(parsed.half_width_m, rel=1e-9)
    assert to_geojson(stored) == to_geojson(parsed)


@pytest.mark.parametrize(
    "ring",
    [SQUARE[::-1], SQUARE[:-1], [[lon, lat, 12.0] for lon, lat in SQUARE]],
)
def test_what_was_stored_otherwise_is_parsed_again(ring: list[list[float]]) -> None:
    fence = stored_fence({"type": "Polygon", "coordinates": [ring]})
    np.testing.assert_array_equal(
        fence.coordinates, parse_fence({"type": "Polygon", "coordinates": [ring]}).coordinates
    )


@pytest.mark.parametrize(
    "coordinates",
    [
        [],
        [[]],
        [[[121.0, 31.0]]],
        [[[121.0, 31.0], [121.0, None], [121.1, 31.0], [121.0, 31.0]]],
        [[[121.0, 31.0], ["x", 31.0], [121.1, 31.0], [121.0, 31.0]]],
        [[[121.0, 31.0], [float("nan"), 31.0], [121.1, 31.1], [121.0, 31.0]]],
        [[[121.0, 31.0], [221.0, 31.0], [121.1, 31.1], [121.0, 31.0]]],
        [[[121.0, 86.0], [121.1, 86.0], [121.1, 86.1], [121.0, 86.0]]],
        None,
        "far",
    ],
)
def test_what_is_no_fence_is_refused_with_the_reason(coordinates: Any) -> None:
    with pytest.raises(FenceError):
        stored_fence({"type": "Polygon", "coordinates": coordinates})
