"""Where trucks load, change loads and deliver: warehouses, hubs and customers, each with its fence."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby, pairwise

from simulators.places import PLACES, shortest_way
from simulators.roads import Point, Polyline, moved, winding


class Purpose(StrEnum):
    """What a site is to an order."""

    ORIGIN = "origin"
    HUB = "hub"
    DESTINATION = "destination"


@dataclass(frozen=True, slots=True)
class Site:
    """A yard or a customer's door; its fence is GeoJSON in (lon, lat), with a Point meaning a circle."""

    key: str
    town: str
    name: str
    purpose: Purpose
    point: Point
    fence: Mapping[str, object]


def _rectangle(centre: Point, width_m: float, depth_m: float, turn_deg: float) -> dict[str, object]:
    turn = math.radians(turn_deg)
    ring = []
    for across, along in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)):
        x, y = across * width_m / 2, along * depth_m / 2
        corner = moved(
            centre, x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
        )
        ring.append([round(corner.lon, 6), round(corner.lat, 6)])
    return {"type": "Polygon", "coordinates": [ring]}


def _circle(centre: Point, radius_m: float) -> dict[str, object]:
    return {
        "type": "Point",
        "coordinates": [round(centre.lon, 6), round(centre.lat, 6)],
        "radius_m": radius_m,
    }


def _site(town: str, purpose: Purpose) -> Site:
    """Place a hub by the through road, other sites off it; geography does not depend on the run's seed."""
    key = f"{purpose}-{town}"
    rng = random.Random(key)
    away_m = 0.0 if purpose is Purpose.HUB else rng.uniform(900, 1600)
    course = rng.uniform(0, 2 * math.pi)
    point = moved(PLACES[town].point, away_m * math.sin(course), away_m * math.cos(course))
    place = PLACES[town]
    match purpose:
        case Purpose.ORIGIN:
            name = f"{place.name} warehouse {place.name_zh}仓"
            fence = _rectangle(point, 380, 260, rng.uniform(0, 90))
        case Purpose.HUB:
            name = f"{place.name} hub {place.name_zh}分拨中心"
            fence = _rectangle(point, 320, 220, rng.uniform(0, 90))
        case Purpose.DESTINATION:
            name = f"{place.name} customer {place.name_zh}客户"
            fence = _circle(point, 120)
    return Site(key, town, name, purpose, point, fence)


@dataclass(frozen=True, slots=True)
class Line:
    """A regular run: from a warehouse over a hub to a customer."""

    origin: Site
    hub: Site
    destination: Site


def _line(origin: str, hub: str, destination: str) -> Line:
    return Line(
        _site(origin, Purpose.ORIGIN), _site(hub, Purpose.HUB), _site(destination, Purpose.DESTINATION)
    )


SHORT_LINES: tuple[Line, ...] = (
    _line("jiading", "kunshan", "suzhou"),
    _line("xiaoshan", "keqiao", "shaoxing"),
    _line("sip", "xinwu", "wuxi"),
    _line("jiading", "kunshan", "wujiang"),
    _line("xiaoshan", "jiaxing", "jiashan"),
    _line("sip", "xinwu", "jiangyin"),
    _line("jiading", "kunshan", "changshu"),
    _line("xiaoshan", "keqiao", "shangyu"),
    _line("sip", "kunshan", "anting"),
    _line("xiaoshan", "jiaxing", "shengze"),
)
LONG_LINES: tuple[Line, ...] = (
    _line("xiaoshan", "keqiao", "ningbo"),
    _line("sip", "xinwu", "nanjing"),
    _line("xiaoshan", "jiaxing", "hongqiao"),
    _line("jiading", "kunshan", "changzhou"),
    _line("sip", "xinwu", "zhenjiang"),
    _line("jiading", "kunshan", "huzhou"),
)
CITY_LINES: tuple[Line, ...] = (
    _line("jiading", "anting", "hongqiao"),
    _line("baoshan", "hongqiao", "minhang"),
    _line("songjiang", "minhang", "hongqiao"),
    _line("jiading", "baoshan", "waigaoqiao"),
    _line("zhangjiang", "hongqiao", "qingpu"),
    _line("baoshan", "waigaoqiao", "zhangjiang"),
    _line("songjiang", "qingpu", "hongqiao"),
    _line("zhangjiang", "minhang", "fengxian"),
)
"""In and around Shanghai."""


def all_sites() -> tuple[Site, ...]:
    """Every site of every line, once, in a fixed order."""
    lines = (*SHORT_LINES, *LONG_LINES, *CITY_LINES)
    sites = {site.key: site for line in lines for site in (line.origin, line.hub, line.destination)}
    return tuple(sites[key] for key in sorted(sites))


def route_between(stops: tuple[Site, ...]) -> tuple[Polyline, tuple[float, ...]]:
    """Route by road over the sites in order, and how many metres along it each lies."""
    points: list[Point] = [stops[0].point]
    ends = [0]
    for start, end in pairwise(stops):
        corners = (start.point, *shortest_way(start.town, end.town), end.point)
        # A hub's own point is its town's.
        distinct = [corner for corner, _ in groupby(corners)]
        points.extend(winding(distinct)[1:])
        ends.append(len(points) - 1)
    distances = tuple(Polyline(points[: end + 1]).length_m if end else 0.0 for end in ends)
    return Polyline(points), distances
