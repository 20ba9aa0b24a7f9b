"""Every route, as everybody: made from the table of rules, so that a route nobody thought about fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from access_world import OTHER_PHONE, PHONE, people_of, tokens_of
from api_world import NOON, ApiWorld, running_api
from depot_things import Things, things_in
from fastapi import APIRouter, FastAPI

from api import access_rules
from api.access_rules import PUBLIC, RULES, MissingRule, Rule
from api.app import ROUTERS, ApiConfig, create_app
from api.services import Sources
from domain.access import OWNERS, Role
from store.cipher import Cipher

REFUSED = (401, 403, 404)


@dataclass
class Asked:
    """What one role got for its own and for somebody else's things."""

    name: str
    role: str
    own: int
    foreign: int | None

    def wrong(self, rule: Rule) -> str | None:
        if self.role not in rule.roles:
            return None if self.own == 403 and self.foreign in (403, None) else f"{self} was let in"
        if self.own in REFUSED or self.own >= 500:
            return f"{self} was kept from its own"
        if self.foreign is not None and self.foreign not in (403, 404):
            return f"{self} got at foreign things"
        return None


FOREIGN_NOWHERE = {"POST /v1/me/password", "POST /v1/depots", "GET /v1/me"}


def names_foreign(name: str, role: str) -> bool:
    """Whether a request can name what is somebody else's: in its path, or in its body."""
    if role == Role.ADMIN or name in FOREIGN_NOWHERE:
        return False
    named_in_body = name in (
        "POST /v1/shippers",
        "POST /v1/api-keys",
        "POST /v1/vehicles",
        "POST /v1/devices",
        "POST /v1/geofences",
        "POST /v1/trips",
        "POST /v1/orders",
        "POST /v1/endpoints",
        "POST /v1/customers/export",
        "POST /v1/customers/erasure",
    )
    return "{" in name or named_in_body or name == "GET /v1/codes"


GUARDED = sorted(name for name, rule in RULES.items() if rule is not PUBLIC)


@pytest.mark.parametrize("role", [role.value for role in Role])
async def test_each_route_admits_its_roles_to_their_own_and_nobody_else(role: str, database_url: str) -> None:
    async with running_api(database_url) as world:
        people = await people_of(world)
        token = (await tokens_of(world, people))[role]
        foreign = await things_in(world, people.foreign_depot, people.foreign_shipper, OTHER_PHONE, people)
        own = await things_in(world, people.depot, people.shipper, PHONE, people)
        driver = {"driver_id": people.id("driver")}
        await world.client.put(f"/v1/trips/{own.trip}/driver", json=driver)
        asked = [await ask(world, own, foreign, name, role, token) for name in GUARDED]
        found = [one.wrong(RULES[one.name]) for one in asked]
        assert [wrong for wrong in found if wrong is not None] == []


async def ask(world: ApiWorld, own: Things, foreign: Things, name: str, role: str, token: str) -> Asked:
    """Ask for one route as one role, for things of its own depot and of another."""
    headers = {"Authorization": f"Bearer {token}"}
    foreign_status = None
    if "{clock}" in name:
        await start_clocks(world)
    if names_foreign(name, role):
        foreign_status = await request(world, name, foreign, headers)
    return Asked(name, role, await request(world, name, own, headers), foreign_status)


async def start_clocks(world: ApiWorld) -> None:
    """Every order has the clock that the routes are asked for; deriving an order again may have ended it."""
    async with world.work() as work:
        await work.connection.execute(
            "insert into order_clock "
            "(order_id, clock, ends_with, owner_role, superior_role, started_at, paused_s) "
            "select order_id, 'verified', 'verified', 'auditor', 'manager', $1, 0 from orders "
            "on conflict do nothing",
            NOON,
        )
        await work.connection.execute("update app_user set duties = '{auditor}'")


async def request(world: ApiWorld, name: str, things: Things, headers: dict[str, str]) -> int:
    method, path = name.split(" ")[0], things.path(name)
    async with world.client.stream(method, path, json=things.body(name), headers=headers) as response:
        # Of an event stream the status is all there is to wait for.
        return response.status_code


async def test_without_a_login_nothing_but_public_routes_answer(database_url: str) -> None:
    async with running_api(database_url) as world:
        things = Things(*(str(uuid4()) for _ in range(16)))
        for headers in (
            {"Authorization": ""},
            {"Authorization": "Bearer wrong"},
            {"Authorization": "Basic eA=="},
        ):
            for name in GUARDED:
                assert await request(world, name, things, headers) == 401, name


def test_the_rules_cover_every_route_of_the_document() -> None:
    document = app_of().openapi()
    described = {
        f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods
    }
    assert described <= RULES.keys()
    assert len(described) > 60


def test_a_route_without_a_rule_keeps_the_application_from_starting() -> None:
    router = APIRouter()

    @router.get("/v1/forgotten")
    def forgotten() -> None: ...

    routes = [*every_route(app_of()), *router.routes]
    with pytest.raises(MissingRule, match="GET /v1/forgotten"):
        access_rules.check(routes)


@pytest.mark.parametrize(
    "rule",
    [Rule(frozenset({Role.DRIVER})), Rule(frozenset({Role.ADMIN}), own="order")],
    ids=["unsaid", "idle"],
)
def test_a_rule_says_how_owners_are_narrowed(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    routes = every_route(app_of())
    monkeypatch.setitem(RULES, "GET /v1/vehicles", rule)
    with pytest.raises(MissingRule, match="narrow"):
        access_rules.check(routes)


def test_owners_are_admitted_to_nothing_that_lists_a_depot() -> None:
    admitted = {name for name, rule in RULES.items() if rule.roles & OWNERS}
    assert all("/orders" in name or "/me" in name or "/my/" in name for name in admitted)


def every_route(app: FastAPI) -> list[Any]:
    return [*app.routes, *(route for router in ROUTERS for route in router.routes)]


def app_of() -> FastAPI:
    config = ApiConfig(database_url="", admin_token=None, cipher=Cipher(bytes(32)), newest_migration=0)
    return create_app(config, Sources(lambda: NOON, uuid4, lambda: "t"))
