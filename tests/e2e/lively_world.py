"""A small company at work, seeded over HTTP: what screenshots and the checks of all pages look at.

Its clock is the machine's, as the browser's is. People of some roles can sign in; trucks are on their way
between towns of the Yangtze delta, one of them late, one silent, one with a failed attempt, one done.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import atan2, cos, degrees, radians
from typing import Any
from uuid import UUID

from api_world import ApiWorld, RealClock, running_api

from api.schemas.page_config import DemoLogin, PageConfig
from domain.access import Role

PASSWORD = "for the lively company only"
TOWNS = {
    "上海嘉定仓": (31.375, 121.265),
    "昆山中转站": (31.385, 120.98),
    "苏州园区": (31.32, 120.72),
    "无锡新区": (31.53, 120.37),
    "嘉兴南湖": (30.75, 120.76),
    "杭州余杭": (30.42, 120.3),
    "常州武进": (31.72, 119.95),
    "湖州吴兴": (30.87, 120.09),
}
ROLES = (Role.CUSTOMER_SERVICE, Role.DISPATCHER, Role.MANAGER, Role.WAREHOUSE, Role.DRIVER)
FIXES = 8
ITEMS = [{"sku": "KET-18", "name": "电热水壶", "specification": "1.8 L", "quantity": 2}]


@dataclass
class LivelyWorld:
    """The API, where it is, and what was made: logins by role; tokens, orders, vehicles by what they show."""

    api: ApiWorld
    url: str
    depot: str
    logins: dict[Role, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)
    vehicles: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ride:
    """One truck with one order: how far along (0 to 1), when it was heard, what was said about it."""

    shows: str
    towns: tuple[str, ...]
    share: float
    heard_ago: timedelta = timedelta(seconds=12)
    promised_in: timedelta = timedelta(hours=3)
    expected_in: timedelta | None = timedelta(minutes=50)
    stages: tuple[str, ...] = ("picked", "packed", "loaded", "dispatched")
    alert: str | None = None


RIDES = (
    Ride("under way", ("上海嘉定仓", "昆山中转站", "苏州园区"), 0.55),
    Ride(
        "near",
        ("上海嘉定仓", "苏州园区"),
        0.97,
        expected_in=timedelta(minutes=6),
        stages=("picked", "packed", "loaded", "dispatched", "out_for_delivery"),
    ),
    Ride(
        "late",
        ("上海嘉定仓", "昆山中转站", "无锡新区"),
        0.4,
        promised_in=timedelta(minutes=25),
        expected_in=timedelta(minutes=70),
        alert="late_risk",
    ),
    Ride("silent", ("上海嘉定仓", "嘉兴南湖"), 0.5, heard_ago=timedelta(minutes=50), alert="stale"),
    Ride(
        "failed",
        ("上海嘉定仓", "嘉兴南湖", "杭州余杭"),
        0.9,
        expected_in=None,
        stages=("picked", "packed", "loaded", "dispatched", "out_for_delivery", "attempt_failed"),
    ),
    Ride(
        "delivered",
        ("上海嘉定仓", "昆山中转站"),
        1.0,
        expected_in=None,
        stages=("picked", "packed", "loaded", "dispatched", "out_for_delivery", "arrived", "delivered"),
    ),
    Ride("prepared", ("上海嘉定仓", "常州武进"), 0.0, expected_in=timedelta(hours=2), stages=("picked",)),
    Ride("far", ("上海嘉定仓", "湖州吴兴"), 0.3, expected_in=timedelta(minutes=95)),
)


@dataclass(frozen=True)
class Prepared:
    """An order not on its way yet, whose clocks run: how long ago each stage was done."""

    shows: str
    number: str
    stages: dict[str, timedelta]
    address: str = "江苏省苏州市工业园区星湖街 328 号"
    items: bool = True
    tagged_urgent: bool = False


PREPARED = (
    Prepared("to lock", "TEL-2041", {"verified": timedelta(minutes=38)}),
    Prepared("to lock late", "TEL-2039", {"verified": timedelta(minutes=95)}),
    Prepared("to pack", "TEL-2040", {"verified": timedelta(hours=2), "stock_locked": timedelta(minutes=70)}),
    Prepared(
        "to pack urgently",
        "TEL-2042",
        {"verified": timedelta(hours=1), "stock_locked": timedelta(minutes=50)},
        tagged_urgent=True,
    ),
    Prepared("incomplete", "TEL-2043", {}, items=False),
    Prepared("in doubt", "TEL-2044", {}, address="鼓楼区中山路 8 号"),
)


@asynccontextmanager
async def lively_world(database_url: str) -> AsyncIterator[LivelyWorld]:
    """The company for the time of the body."""
    demo = [DemoLogin(login=f"demo-{role.value}", password=PASSWORD, role=role) for role in ROLES]
    config = PageConfig(name="Zaitu", operating_zone="Asia/Shanghai", demo_logins=demo)
    async with running_api(database_url, clock=RealClock(), page_config=config) as api:
        depot = await api.depot("SH1")
        world = LivelyWorld(api, str(api.client.base_url), depot)
        for login in demo:
            await _add_person(world, login)
        fences = {
            name: await api.fence(depot, name, lon, lat, purpose="hub", valid_from=_ago(api, hours=30))
            for name, (lat, lon) in TOWNS.items()
        }
        for number, ride in enumerate(RIDES):
            world.tokens[ride.shows] = await _send_off(world, fences, ride, number)
        for prepared in PREPARED:
            world.orders[prepared.shows] = await _take_in(world, prepared)
        await _give_driver_a_trip(world, fences)
        yield world


async def _add_person(world: LivelyWorld, login: DemoLogin) -> None:
    body = {"login": login.login, "password": PASSWORD, "role": login.role.value, "depot_ids": [world.depot]}
    await world.api.post("/v1/users", body)
    world.logins[login.role] = login.login


async def _send_off(world: LivelyWorld, fences: dict[str, str], ride: Ride, number: int) -> str:
    api, depot = world.api, world.depot
    vehicle = await api.vehicle(depot, f"沪A{62817 + 1373 * number:05}"[:7])
    device = (await api.post("/v1/devices", {"depot_id": depot, "name": f"tracker-{number}"}))["id"]
    stops = _stops(ride, fences)
    trip = await api.post(
        "/v1/trips",
        {
            "vehicle_id": vehicle,
            "label": f"{ride.towns[0]}—{ride.towns[-1]}",
            "stops": stops,
            "active_from": _ago(api, hours=3),
            "active_to": _ago(api, hours=-9),
        },
    )
    order = await api.order(
        depot,
        received_at=_ago(api, hours=26),
        promised_at=(api.clock() + ride.promised_in).isoformat(),
        stops=stops,
        packages=[{"code": f"PK-{number}-{part}"} for part in range(1 + number % 3)],
        contact={"name": "王小明", "phone": "+8613800001234", "address": f"{ride.towns[-1]}1号"},
        legs=[{"trip_id": trip["id"]}],
    )
    for turn, stage in enumerate(ride.stages):
        before = timedelta(minutes=12 * (len(ride.stages) - turn))
        more = {"signed_by": "王小明", "proof": "photo-1"} if stage == "delivered" else {}
        await api.happens(order["id"], stage, api.clock() - before, **more)
    world.orders[ride.shows], world.vehicles[ride.shows] = order["id"], vehicle
    since = {"vehicle_id": vehicle, "from": _ago(api, hours=4)}
    await api.post(f"/v1/devices/{device}/assignments", since)
    if ride.share > 0.0:
        await _drive(api, ride, device, vehicle)
    if ride.expected_in is not None:
        await _expect(api, trip["id"], api.clock() + ride.expected_in)
    if ride.alert is not None:
        await alarm(api, order["id"], vehicle, ride.alert)
    return await api.share(order["id"])


async def _take_in(world: LivelyWorld, prepared: Prepared) -> str:
    api = world.api
    order = await api.order(
        world.depot,
        number=prepared.number,
        channel="TEL",
        received_at=_ago(api, hours=3),
        ordered_at=_ago(api, hours=3),
        promised_at=_ago(api, hours=-30),
        tagged_urgent=prepared.tagged_urgent,
        items=ITEMS if prepared.items else [],
        packages=[{"code": f"{prepared.number}-1"}],
        contact={"name": "李静", "phone": "+8613900005678", "address": prepared.address},
    )
    for stage, before in prepared.stages.items():
        await api.happens(order["id"], stage, api.clock() - before)
    return str(order["id"])


async def _give_driver_a_trip(world: LivelyWorld, fences: dict[str, str]) -> None:
    """A morning's round of the driver who can sign in: loaded at the depot, two customers to go to."""
    api = world.api
    ride = Ride("round", ("上海嘉定仓", "昆山中转站", "苏州园区"), 0.0)
    vehicle = await api.vehicle(world.depot, "沪A88088")
    trip = await api.post(
        "/v1/trips",
        {
            "vehicle_id": vehicle,
            "label": "上海—苏州",
            "stops": _stops(ride, fences),
            "active_from": _ago(api, hours=1),
            "active_to": _ago(api, hours=-8),
        },
    )
    users = (await api.get("/v1/users"))["items"]
    driver = next(user["id"] for user in users if user["login"] == world.logins[Role.DRIVER])
    driven = await api.client.put(f"/v1/trips/{trip['id']}/driver", json={"driver_id": driver})
    assert driven.status_code == 204, driven.text
    for number, contact in enumerate(("周梅", "吴强")):
        order = await api.order(
            world.depot,
            number=f"RD-310{number}",
            received_at=_ago(api, hours=20),
            promised_at=_ago(api, hours=-5),
            stops=_stops(ride, fences),
            packages=[{"code": f"RD-310{number}-{part}"} for part in range(1, 3)],
            contact={
                "name": contact,
                "phone": "+8613700009012",
                "address": f"苏州园区星湖街 {number + 1} 号",
            },
            legs=[{"trip_id": trip["id"]}],
        )
        world.orders[f"round {number}"] = str(order["id"])
    await _expect(api, trip["id"], api.clock() + timedelta(minutes=75))


def _stops(ride: Ride, fences: dict[str, str]) -> list[dict[str, Any]]:
    last = len(ride.towns) - 1
    kinds = {0: "origin", last: "destination"}
    return [
        {"name": town, "kind": kinds.get(seq, "hub"), "geofence_id": fences[town]}
        for seq, town in enumerate(ride.towns)
    ]


async def _drive(api: ApiWorld, ride: Ride, device: str, vehicle: str) -> None:
    """The last fixes of a ride, two minutes apart, so that there is a track to play."""
    for before in range(FIXES - 1, -1, -1):
        lat, lon = _on_the_way(ride, ride.share * (1.0 - before / (2 * FIXES)))
        ahead = _on_the_way(ride, min(ride.share * (1.0 - before / (2 * FIXES)) + 0.01, 1.0))
        heading_deg = _heading_deg((lat, lon), ahead)
        at = api.clock() - ride.heard_ago - before * timedelta(minutes=2)
        await api.moves(device, vehicle, lat, lon, at, heading_deg)


def _heading_deg(here: tuple[float, float], there: tuple[float, float]) -> float:
    east = (there[1] - here[1]) * cos(radians(here[0]))
    return degrees(atan2(east, there[0] - here[0])) % 360.0


def _on_the_way(ride: Ride, share: float) -> tuple[float, float]:
    leg, share = divmod(share * (len(ride.towns) - 1), 1.0)
    here = TOWNS[ride.towns[min(int(leg), len(ride.towns) - 1)]]
    there = TOWNS[ride.towns[min(int(leg) + 1, len(ride.towns) - 1)]]
    return here[0] + (there[0] - here[0]) * share, here[1] + (there[1] - here[1]) * share


async def _expect(api: ApiWorld, trip: str, at: datetime) -> None:
    """What watch wrote as it published one estimate after the other for the last stop; `at` is the newest."""
    async with api.work() as work:
        for minutes_ago in (150, 120, 95, 60, 35, 15, 0):
            likeliest = at - timedelta(minutes=minutes_ago / 5)
            spread = timedelta(minutes=17 + minutes_ago / 6)
            await work.connection.execute(
                "insert into eta (trip_id, stop_id, computed_at, p10_at, p50_at, p90_at) "
                "select trip_id, stop_id, $2, $3, $4, $5 from trip join stop using (trip_id) "
                "where public_id = $1 and kind = 'destination'",
                *(UUID(trip), api.clock() - timedelta(minutes=minutes_ago)),
                *(likeliest - spread / 2, likeliest, likeliest + spread),
            )


async def alarm(api: ApiWorld, order: str, vehicle: str, kind: str, severity: str = "warning") -> None:
    """What watch writes when it raises an alert about the order a vehicle carries."""
    async with api.work() as work:
        alert_id = await work.connection.fetchval(
            "insert into alert (public_id, depot_id, kind, subject, vehicle_id, order_ids, severity, "
            "opened_at, updated_at) select gen_random_uuid(), o.depot_id, $3, 'vehicle:' || v.vehicle_id, "
            "v.vehicle_id, array[order_id], $4, $5, $5 from orders o, vehicle v "
            "where o.public_id = $1 and v.public_id = $2 returning alert_id",
            *(UUID(order), UUID(vehicle), kind, severity, api.clock()),
        )
        work.tell("alert", [alert_id])


def _ago(api: ApiWorld, hours: float) -> str:
    return (api.clock() - timedelta(hours=hours)).isoformat()
