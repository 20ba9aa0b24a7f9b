"""Somebody of every role in one depot, somebody else's depot, and things in both."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from api_world import NOON, ApiWorld, order_body
from argon2 import PasswordHasher

from domain.access import Role

PASSWORD = "correct horse battery"
# Of the same kind as real ones and a thousand times cheaper: hashing well is the hasher's business.
CHEAP_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
PHONE = "138-0013-8000"
OTHER_PHONE = "139 0013 9000"


@dataclass
class People:
    """Who may log in, and the depots there are; `own` and `foreign` hold ids of things by noun."""

    depot: str
    foreign_depot: str
    shipper: str
    foreign_shipper: str
    ids: dict[str, str] = field(default_factory=dict)

    def login(self, role: str) -> str:
        return f"{role.replace('_', '-')}-1"

    def id(self, role: str) -> str:
        return self.ids[role]


async def people_of(world: ApiWorld) -> People:
    """Two depots, a shipper of each, and one person of each role who sees the first depot."""
    depot, foreign = await world.depot("SH1"), await world.depot("BJ1")
    shipper = await world.post("/v1/shippers", {"depot_id": depot, "code": "ACME"})
    other = await world.post("/v1/shippers", {"depot_id": foreign, "code": "OTHER"})
    people = People(depot, foreign, shipper["id"], other["id"])
    for role in Role:
        body: dict[str, Any] = {"login": people.login(role), "role": role.value}
        if role not in (Role.ADMIN, Role.CUSTOMER):
            body["depot_ids"] = [depot]
        if role is Role.SHIPPER:
            body["shipper_id"] = shipper["id"]
        if role is Role.CUSTOMER:
            body["phone"] = PHONE
        people.ids[role] = (await world.post("/v1/users", body))["id"]
    async with world.work() as work:
        await work.connection.execute("update app_user set password_hash = $1", CHEAP_HASH)
    return people


async def tokens_of(world: ApiWorld, people: People) -> dict[str, str]:
    """An access token of each person."""
    return {role: await token_of(world, people, role) for role in Role}


async def token_of(world: ApiWorld, people: People, role: str) -> str:
    form = {"grant_type": "password", "username": people.login(role), "password": PASSWORD}
    answer = await world.client.post("/v1/token", data=form)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def order_of(depot: str, phone: str, **more: object) -> dict[str, object]:
    contact = {"name": "张伟", "phone": phone, "address": "人民路 1 号"}
    promised = (NOON + timedelta(hours=9)).isoformat()
    return order_body(depot, contact=contact, promised_at=promised, **more)
