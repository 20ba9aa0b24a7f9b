"""Ways from Valhalla: over HTTP, or in this process through pyvalhalla where that is installed."""

from __future__ import annotations

import importlib
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from geo.routers import NoWay, Point, Way

TIMEOUT_S = 5.0
COSTING = "truck"
_SHAPE_SCALE = 1e-6

Ask = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Valhalla:
    """A router that asks an engine with Valhalla's route request."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def way(self, points: Sequence[Point]) -> Way:
        """The way for a lorry. Raises NoWay."""
        request = {
            "locations": [{"lat": lat, "lon": lon, "type": "break"} for lat, lon in points],
            "costing": COSTING,
            "units": "kilometers",
            "directions_type": "none",
        }
        try:
            trip = self._ask(request)["trip"]
            lats, lons = _joined([decoded_shape(leg["shape"]) for leg in trip["legs"]])
            summary = trip["summary"]
            return Way(lats, lons, 1000.0 * float(summary["length"]), float(summary["time"]))
        except (KeyError, TypeError, ValueError, IndexError) as exc:
            raise NoWay(f"the routing engine's answer cannot be used: {exc!r}") from exc


def over_http(url: str, timeout_s: float = TIMEOUT_S) -> Valhalla:
    """A router behind `url`, such as http://127.0.0.1:8002. Raises ValueError for another kind of address."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("the routing engine's address must begin with http:// or https://")

    def ask(request: Mapping[str, Any]) -> Mapping[str, Any]:
        call = urllib.request.Request(
            f"{url.rstrip('/')}/route",
            data=json.dumps(request).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(call, timeout=timeout_s) as answer:
                found: Mapping[str, Any] = json.load(answer)
        except urllib.error.HTTPError as exc:
            raise NoWay(f"the routing engine answered {exc.code}: is there a road at every stop?") from exc
        except (OSError, ValueError) as exc:
            raise NoWay(f"the routing engine does not answer: {exc}") from exc
        return found

    return Valhalla(ask)


def in_process(tiles: Path) -> Valhalla:
    """A router on a file or folder of tiles. Raises NoWay where pyvalhalla is missing or cannot use them."""
    try:
        engine = importlib.import_module("valhalla")
        # An empty name says that there is none of the kind; a default that does not exist is an error.
        extract, folder = (str(tiles), "") if tiles.is_file() else ("", str(tiles))
        config = engine.get_config(tile_extract=extract, tile_dir=folder)
        # pyvalhalla 3.2 makes of an empty name the working directory, and aborts the process reading that.
        config["mjolnir"] |= {"tile_extract": extract, "tile_dir": folder, "traffic_extract": ""}
        actor = engine.Actor(config)
    except ImportError as exc:
        raise NoWay("routing on tiles needs pyvalhalla: pip install pyvalhalla") from exc
    except (OSError, RuntimeError) as exc:
        raise NoWay(f"the tiles in {tiles} cannot be used: {exc}") from exc

    def ask(request: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = actor.route(dict(request))
        except RuntimeError as exc:
            raise NoWay(f"there is no way: {exc}") from exc
        return found

    return Valhalla(ask)


def decoded_shape(shape: str) -> tuple[list[float], list[float]]:
    """Latitudes and longitudes of an encoded polyline of six decimals (Google's format)."""
    values: list[int] = []
    total = [0, 0]
    number = shift = 0
    for character in shape:
        bits = ord(character) - 63
        number |= (bits & 0x1F) << shift
        shift += 5
        if bits < 0x20:
            total[len(values) % 2] += ~(number >> 1) if number & 1 else number >> 1
            values.append(total[len(values) % 2])
            number = shift = 0
    if shift or len(values) % 2:
        raise ValueError("the encoded polyline ends early")
    return [value * _SHAPE_SCALE for value in values[::2]], [value * _SHAPE_SCALE for value in values[1::2]]


def _joined(legs: Sequence[tuple[list[float], list[float]]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """One polyline of all legs; the point where two meet is kept once."""
    lats, lons = list(legs[0][0]), list(legs[0][1])
    for leg_lats, leg_lons in legs[1:]:
        lats += leg_lats[1:]
        lons += leg_lons[1:]
    if len(lats) < 2:
        raise ValueError("the way has no length")
    return tuple(lats), tuple(lons)
