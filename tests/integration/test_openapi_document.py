"""The OpenAPI document holds, whoever asks and whatever is sent: Schemathesis over all of it.

`ZAITU_FUZZ_API=n` tries n examples of each kind for each operation as everybody, and every boundary case
besides; else each of two examples is asked by four.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
import schemathesis
from access_world import OTHER_PHONE, PHONE, people_of, tokens_of
from api_world import running_api
from depot_things import Things, things_in
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from requests.adapters import HTTPAdapter
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.core.failures import FailureGroup
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks

from api.access_rules import PUBLIC, RULES
from api.order_file import EXCEL, JSON_LINES
from domain.access import Role, Scope

LONG = int(os.environ.get("ZAITU_FUZZ_API", "0"))
Case = schemathesis.Case[Any]
Operation = APIOperation[Any, Any, Any, Any]
EXAMPLES = LONG or 2
PUBLIC_NAMES = {name for name, rule in RULES.items() if rule is PUBLIC}
NOBODY, KEY = "nobody", "key"
FILES = (JSON_LINES, EXCEL)
for media_type in FILES:
    schemathesis.serializer(media_type)(lambda _context, value: value)
# What ends something comes last, so that the others still find it.
ENDS_THINGS = ("DELETE", "cancel", "disable", "PATCH /v1/users")
EXCLUDED = [
    # Needs the record of a whole scenario.
    checks.use_after_free,
    checks.ensure_resource_availability,
    # Sends everything three times; `nobody` asks every operation too.
    checks.ignored_auth,
]


class FirstChunks(HTTPAdapter):
    """Of an event stream, which does not end by itself, the first bytes are its answer."""

    def send(self, request: requests.PreparedRequest, **more: Any) -> requests.Response:  # type: ignore[override]
        response = super().send(request, **{**more, "stream": True})
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            response._content = next(response.iter_content(100))
            response.raw.close()
        return response


@dataclass
class Findings:
    """What went wrong, and how often whom which operation answered what."""

    failures: dict[str, str] = field(default_factory=dict)
    answers: Counter[tuple[str, str, int]] = field(default_factory=Counter)

    @property
    def asked(self) -> int:
        return self.answers.total()


class Asking:
    """Asks a running API as everybody."""

    def __init__(self, url: str, headers: dict[str, dict[str, str]], own: Things, foreign: Things) -> None:
        self.headers = headers
        self.own = own
        self.foreign = foreign
        self.found = Findings()
        self._url = url
        self._session = requests.Session()
        self._session.mount("http://", FirstChunks())

    def ask(self, who: str, case: Case) -> None:
        """Send a request as somebody, and note what is wrong with the answer."""
        name, headers = case.operation.label, self.headers[who]
        response = case.call(self._url, self._session, headers)
        self.found.answers[who, name, response.status_code] += 1
        try:
            case.validate_response(response, excluded_checks=EXCLUDED, headers=headers)
        except FailureGroup as failures:
            for failure in failures.exceptions:
                self.found.failures.setdefault(f"{name}: {failure.title}", f"{who}, {failures}")


@pytest.mark.lasts(60)
@pytest.mark.parametrize("half", [0, 1])
async def test_every_answer_is_one_the_document_describes(half: int, database_url: str) -> None:
    async with running_api(database_url) as world:
        people = await people_of(world)
        tokens: dict[str, str] = dict(await tokens_of(world, people))
        foreign = await things_in(world, people.foreign_depot, people.foreign_shipper, OTHER_PHONE, people)
        own = await things_in(world, people.depot, people.shipper, PHONE, people)
        key = {"shipper_id": people.shipper, "label": "l", "scopes": [scope.value for scope in Scope]}
        tokens[KEY] = (await world.post("/v1/api-keys", key))["key"]
        await world.client.put(f"/v1/trips/{own.trip}/driver", json={"driver_id": people.id("driver")})
        document = await world.get("/openapi.json")
        asking = Asking(str(world.client.base_url), {NOBODY: {}}, own, foreign)
        # Those who can do least come first, so that they find what the others end.
        for role in (KEY, *Role):
            asking.headers[role] = {"Authorization": f"Bearer {tokens[role]}"}
        found = await asyncio.to_thread(explore, document, half, asking)
    assert not found.failures, "\n".join([f"{found.asked} requests", *found.failures.values()])
    # A body that cannot be read is refused before anybody looks who sent it.
    let_in = {
        (name, status)
        for (who, name, status) in found.answers
        if who == NOBODY and name not in PUBLIC_NAMES and status not in (400, 401, 413, 415, 422)
    }
    assert let_in == set()
    reached = {name for (who, name, status) in found.answers if who == Role.ADMIN and status < 300}
    assert len(reached) > 0.6 * len({name for _, name, _ in found.answers})


def accepting_schema() -> schemathesis.Config:
    """What a schema cannot say (that one time is after another, say) is refused with 422 too."""
    config = schemathesis.Config()
    config.projects.default.checks.positive_data_acceptance.expected_statuses.extend(["400", "422"])
    # Query parameters nobody knows are ignored, as on all the web; who asks is said by the headers.
    config.projects.default.generation.allow_extra_parameters = False
    config.projects.default.generation.with_security_parameters = False
    return config


def explore(document: dict[str, Any], half: int, asking: Asking) -> Findings:
    """Ask every second operation of the document with what is right and what is wrong by its schema."""
    load_all_checks()
    schema = schemathesis.openapi.from_dict(document, config=accepting_schema())
    operations: list[Operation] = [result.ok() for result in schema.get_all_operations()][half::2]  # type: ignore[union-attr]
    for operation in sorted(operations, key=lambda one: any(word in one.label for word in ENDS_THINGS)):
        for mode in GenerationMode:
            try:
                ask(operation, mode, asking)
            except Unsatisfiable:
                # Nothing can be wrong about a request that takes nothing.
                assert mode is GenerationMode.NEGATIVE
        if LONG:
            ask_at_the_bounds(operation, asking)
    return asking.found


def ask(operation: Operation, mode: GenerationMode, asking: Asking) -> None:
    """Ask one operation so many times as everybody."""

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        operation.as_strategy(mode), st.sampled_from([asking.own, None, asking.foreign]), drawn_askers(asking)
    )
    def one(case: Case, things: Things | None, askers: list[str]) -> None:
        # Of a file only the bytes are sent: a body of another type cannot be.
        assume(case.media_type not in FILES or isinstance(case.body, str | bytes))
        if things is not None and mode is GenerationMode.POSITIVE:
            name_in(case, things)
        for who in askers:
            asking.ask(who, case)

    one()


def drawn_askers(asking: Asking) -> st.SearchStrategy[list[str]]:
    """Everybody; in the short form those who can do least and most, and two others."""
    everybody = list(asking.headers)
    if LONG:
        return st.just(everybody)
    others = [who for who in everybody if who not in (NOBODY, Role.ADMIN)]
    two = st.lists(st.sampled_from(others), min_size=2, max_size=2, unique=True)
    return two.map(lambda some: [who for who in everybody if who in (NOBODY, *some, Role.ADMIN)])


def ask_at_the_bounds(operation: Operation, asking: Asking) -> None:
    """Ask one operation for every bound of its schema and just beyond, as who may do most."""
    schema = operation.schema
    cases = schema.iter_coverage_cases(
        operation, generation_modes=list(GenerationMode), generation_config=schema.config.generation
    )
    for case in cases:
        asking.ask(Role.ADMIN, case)


def name_in(case: Case, things: Things) -> None:
    """Have a request name what there is, wherever it names something by its id."""
    for part in (case.path_parameters, case.query, case.body):
        _name_in(part, {f"{noun}_id": value for noun, value in vars(things).items()})


def _name_in(part: Any, ids: dict[str, str]) -> None:
    if isinstance(part, list):
        for item in part:
            _name_in(item, ids)
    elif isinstance(part, dict):
        for name, value in part.items():
            if name in ids and isinstance(value, str):
                part[name] = ids[name]
            else:
                _name_in(value, ids)
