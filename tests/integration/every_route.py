"""Asking the routes of the table of rules, each with its own body, for tests that ask all of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from api_world import NOON, ApiWorld
from depot_things import Things

from api.access_rules import PUBLIC, RULES, Rule
from api.order_file import JSON_LINES
from domain.access import Role, Scope
from store import enrolments

GUARDED = sorted(name for name, rule in RULES.items() if rule is not PUBLIC)
REFUSED = (401, 403, 404)
KEYS = [f"key {scope}" for scope in Scope]
"""Who asks with an API key that has this scope alone."""


def admits(rule: Rule, who: str) -> bool:
    """Whether a rule admits a role, or one of KEYS."""
    role, _, scope = who.partition(" ")
    if role != "key":
        return role in rule.roles
    return rule.scope == scope and Role.SHIPPER in rule.roles


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body; of an event stream, which does not end, the status is all."""

    status: int
    text: str

    def shows(self, things: Things, own: Things) -> list[str]:
        """What a good answer says of these things that are not one's own."""
        return [] if self.status >= 300 else things.mentioned_in(self.text, besides=own)

    def refuses(self, things: Things, own: Things) -> bool:
        """Whether it is as if these things did not exist: none such, none of them listed, no row taken in."""
        if self.status == 404:
            return True
        answer = json.loads(self.text) if self.status == 200 else None
        if not isinstance(answer, dict):
            return False
        if "refused" in answer:
            return bool(answer["rows"] == answer["refused"])
        if "columns" in answer:
            return not any(column["orders"] for column in answer["columns"])
        return answer == {"asked": 0} or ("items" in answer and not self.shows(things, own))


async def send(world: ApiWorld, name: str, things: Things, headers: dict[str, str], **more: Any) -> Answer:
    """Ask a route for these things; `body` and `params` may be given."""
    if "{clock}" in name:
        await start_clocks(world)
    if "/pending/" in name:
        await hear_again(world, things)
    body, method = more.pop("body", None) or things.body(name), name.split(" ")[0]
    if name == "POST /v1/orders/bulk":
        more["content"] = "\n".join(json.dumps(row) for row in body)
        headers = {**headers, "Content-Type": JSON_LINES}
    elif body is not None:
        more["json"] = body
    path, asked = things.path(name)
    more["params"] = {**asked, **more.get("params", {})}
    async with world.client.stream(method, path, headers=headers, **more) as response:
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            return Answer(response.status_code, "")
        return Answer(response.status_code, (await response.aread()).decode())


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


async def hear_again(world: ApiWorld, things: Things) -> None:
    """The device that waits is there, whoever approved it before."""
    async with world.work() as work:
        await enrolments.note(work.connection, [(things.waiting, "gps")], NOON)
