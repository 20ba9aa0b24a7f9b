"""Every route, as everybody: made from the table of rules, so that a route nobody thought about fails."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from typing import Any
from uuid import uuid4

import pytest
from access_world import OTHER_PHONE, PHONE, people_of, tokens_of
from api_world import NOON, ApiWorld, running_api
from depot_things import Things, things_in
from every_route import GUARDED, KEYS, REFUSED, Answer, admits, send
from fastapi import APIRouter, FastAPI

from api import access_rules
from api.access_rules import RULES, MissingRule, Rule
from api.app import ROUTERS, ApiConfig, create_app
from api.services import Sources
from domain.access import OWNERS, Role
from store.cipher import Cipher

OF_NO_DEPOT = {"GET /v1/devices/pending"}
NEIGHBOUR_PHONE = "137 0013 7000"


@dataclass
class Company:
    """What is one's own, what is of another depot, and what is another shipper's in the same depot."""

    world: ApiWorld
    tokens: dict[str, str]
    own: Things
    foreign: Things
    neighbour: Things

    async def ask(self, name: str, who: str, things: Things, **more: Any) -> Answer:
        return await send(self.world, name, things, {"Authorization": f"Bearer {self.tokens[who]}"}, **more)


@asynccontextmanager
async def company_of(database_url: str) -> AsyncIterator[Company]:
    """Somebody of every role, and an API key of every scope."""
    async with running_api(database_url) as world:
        people = await people_of(world)
        tokens: dict[str, str] = dict(await tokens_of(world, people))
        for who in KEYS:
            key = {"shipper_id": people.shipper, "label": "l", "scopes": [who.partition(" ")[2]]}
            tokens[who] = (await world.post("/v1/api-keys", key))["key"]
        other = (await world.post("/v1/shippers", {"depot_id": people.depot, "code": "NEXT"}))["id"]
        foreign = await things_in(world, people.foreign_depot, people.foreign_shipper, OTHER_PHONE, people)
        own = await things_in(world, people.depot, people.shipper, PHONE, people)
        neighbour = await things_in(world, people.depot, other, NEIGHBOUR_PHONE, people)
        driver = {"driver_id": people.id("driver")}
        await world.client.put(f"/v1/trips/{own.trip}/driver", json=driver)
        yield Company(world, tokens, own, foreign, neighbour)


@pytest.mark.parametrize("everybody", [*((role.value,) for role in Role), KEYS], ids=[*Role, "keys"])
async def test_each_route_admits_its_roles_to_their_own_and_nobody_else(
    everybody: Sequence[str], database_url: str
) -> None:
    async with company_of(database_url) as company:
        found = [what for who in everybody async for what in wrong(company, who)]
    assert found == []


async def wrong(company: Company, who: str) -> AsyncIterator[str]:
    """What is wrong with the answers to one role or key, for its own things and for others'."""
    others = others_of(company, who)
    for name in GUARDED:
        rule = RULES[name]
        own = await company.ask(name, who, company.own)
        if not admits(rule, who):
            if own.status != 403:
                yield f"{name}: {who} was let in: {own}"
            continue
        strangers = [things for things in others if names(name, things, company.own)]
        answers = [await company.ask(name, who, things) for things in strangers]
        for things, answer in zip(strangers, answers, strict=True):
            if not answer.refuses(things, company.own):
                yield f"{name}: {who} got at foreign things: {answer}"
        if own.status in REFUSED or own.status >= 429:
            yield f"{name}: {who} was kept from its own: {own.status} {own.text}"
        shown = [noun for things in others for noun in own.shows(things, company.own)]
        if shown and name not in OF_NO_DEPOT:
            yield f"{name}: {who} is shown what is not its own: {shown}"


def names(name: str, things: Things, own: Things) -> bool:
    """Whether a request for these things names one that is not one's own; a number to call is none."""
    asked = json.dumps([things.path(name), things.body(name)])
    return any(noun != "phone" for noun in things.mentioned_in(asked, besides=own)) or "{rejected_id}" in name


def others_of(company: Company, who: str) -> list[Things]:
    """Whose things are not somebody's own; everything is an administrator's."""
    if who == Role.ADMIN:
        return []
    return [company.foreign, company.neighbour] if is_owner(who) else [company.foreign]


def is_owner(who: str) -> bool:
    """Whether somebody sees single orders and nothing else of a depot."""
    return who in OWNERS or who in KEYS


async def test_without_a_login_nothing_but_public_routes_answer(database_url: str) -> None:
    async with running_api(database_url) as world:
        things = Things(*(str(uuid4()) for _ in fields(Things)))
        for headers in (
            {"Authorization": ""},
            {"Authorization": "Bearer wrong"},
            {"Authorization": "Basic eA=="},
        ):
            for name in GUARDED:
                assert (await send(world, name, things, headers)).status == 401, name


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
