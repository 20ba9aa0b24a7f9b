"""What a request names in its body or query is one's own, too: every such field of the OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import fields
from typing import Any
from uuid import uuid4

import pytest
from depot_things import Things
from every_route import GUARDED, KEYS, REFUSED, Answer, admits
from named_things import Naming, Unclassified, namings
from test_access_matrix import Company, app_of, company_of, is_owner, others_of

from api.access_rules import RULES
from domain.access import Role

ONE, FILE = "POST /v1/orders", "POST /v1/orders/bulk"
ONLY_STAFF_NAMES = ("legs",)
"""What owners may not say of their orders, whatever it names."""
OF_THE_DEPOT = ("geofence",)
"""What belongs to nobody in a depot, so that a neighbour's is one's own."""


@pytest.mark.lasts(20)
async def test_nobody_reaches_what_is_not_theirs_by_naming_it_beside_the_path(database_url: str) -> None:
    async with company_of(database_url) as company:
        found = [
            what
            for naming in all_namings(app_of().openapi())
            for who in [*Role, *KEYS]
            if admits(RULES[naming.route], who)
            async for what in wrong(company, naming, who)
        ]
    assert found == []


def all_namings(document: dict[str, Any]) -> list[Naming]:
    """Those of the document, and a file's rows, which are the same as single orders."""
    found = namings(document, GUARDED)
    in_rows = [Naming(FILE, one.place, one.thing) for one in found if one.route == ONE]
    assert len(found) > 40
    assert in_rows
    return [*found, *in_rows]


async def wrong(company: Company, naming: Naming, who: str) -> AsyncIterator[str]:
    """What is wrong with the answers to somebody who names, in one field, their own or another's thing."""
    told = f"{naming.route} {naming.place}: {who}"
    if is_owner(who) and any(part in ONLY_STAFF_NAMES for part in naming.place.split("/")):
        answer = await ask(company, naming, who, company.own)
        if answer.status != 403 and not answer.refuses(company.own, company.own):
            yield f"{told} may say what only staff says: {answer}"
        return
    for things in [*others_of(company, who), nowhere()]:
        same = naming.value_of(things) == naming.value_of(company.own)
        if same or (things is company.neighbour and naming.thing in OF_THE_DEPOT):
            continue
        answer = await ask(company, naming, who, things)
        if not answer.refuses(things, company.own):
            yield f"{told} got at what is not theirs: {answer}"
    answer = await ask(company, naming, who, company.own)
    if answer.status in (*REFUSED, 422) or answer.status >= 429 or all_rows_refused(answer):
        yield f"{told} was kept from their own: {answer}"


async def ask(company: Company, naming: Naming, who: str, named: Things) -> Answer:
    """Ask about one's own things, but for the one field."""
    own, body = company.own, company.own.body(naming.route)
    if naming.route == FILE and not naming.place.startswith("?"):
        body = [naming.body(row, named) for row in body]
    else:
        body = naming.body(body, named)
    return await company.ask(naming.route, who, own, body=body, params=naming.query(named))


def all_rows_refused(answer: Answer) -> bool:
    return answer.status == 200 and json.loads(answer.text).get("created") == 0


def nowhere() -> Things:
    """Things there are not."""
    names = {field.name: f"n-{uuid4().hex[:8]}" for field in fields(Things)}
    ids = ("depot", "shipper", "vehicle", "device", "geofence", "trip", "order", "driver")
    return Things(
        **{**names, **{noun: str(uuid4()) for noun in ids}, "rejected": "999999", "phone": "136 0013 6000"}
    )


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("carrier_id", {"type": "string", "format": "uuid"}),
        ("carrier", {"type": "string"}),
        ("carrier_no", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
    ],
)
def test_a_new_field_must_say_whether_it_names_a_thing(name: str, schema: dict[str, Any]) -> None:
    document = app_of().openapi()
    document["components"]["schemas"]["NewVehicle"]["properties"][name] = schema
    with pytest.raises(Unclassified, match=f"POST /v1/vehicles has a field /{name}"):
        namings(document, GUARDED)
