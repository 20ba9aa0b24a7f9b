"""What people do by hand is in the audit: every route that changes something, from the table of rules."""

from __future__ import annotations

from access_world import OTHER_PHONE, PHONE, people_of, tokens_of
from api_world import ApiWorld, running_api
from depot_things import things_in
from every_route import GUARDED, send

from domain.access import Role

# Asked for like this, they are refused, and with 4xx would not count.
NOTHING_HAPPENS = {
    # The old password is wrong, the order is under way.
    "POST /v1/me/password",
    "POST /v1/customers/erasure",
}


async def entries(world: ApiWorld) -> int:
    """How many entries name the administrator."""
    async with world.work() as work:
        return int(await work.connection.fetchval("select count(*) from audit where actor = 'admin-1'"))


async def test_every_change_a_person_makes_leaves_an_entry_with_their_name(database_url: str) -> None:
    async with running_api(database_url) as world:
        people = await people_of(world)
        token = (await tokens_of(world, people))[Role.ADMIN]
        things = await things_in(world, people.depot, people.shipper, PHONE, people)
        await things_in(world, people.foreign_depot, people.foreign_shipper, OTHER_PHONE, people)
        silent, done = [], 0
        for name in GUARDED:
            if name.startswith("GET ") or name in NOTHING_HAPPENS:
                continue
            before = await entries(world)
            answer = await send(world, name, things, {"Authorization": f"Bearer {token}"})
            if answer.status < 300:
                done += 1
                if await entries(world) == before:
                    silent.append(name)
        assert silent == []
        assert done > 30
