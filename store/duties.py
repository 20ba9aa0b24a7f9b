"""Who answers for what: the duties that clocks name as owners, of people and of roles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from domain.access import Principal, Role
from store import rules
from store.pool import Connection
from store.queries import load

_queries = load("duties")


async def of_principal(connection: Connection, principal: Principal) -> frozenset[str] | None:
    """The duties somebody has: their own, else their role's by the rules; None: an admin, every one."""
    if principal.role == Role.ADMIN:
        return None
    own = None
    if principal.user_id is not None:
        async for row in _queries.own(connection, user_id=principal.user_id):
            own = row["duties"]
    if own is None:
        own = (await rules.in_force(connection)).duties.get(principal.role, ())
    return frozenset(own)


async def holders(connection: Connection, principal: Principal) -> dict[tuple[int, str], list[str]]:
    """The logins of those who have a duty, by depot and duty."""
    by_role = (await rules.in_force(connection)).duties
    found: dict[tuple[int, str], list[str]] = defaultdict(list)
    async for row in _queries.people(connection, depots=principal.depots):
        duties = row["duties"] if row["duties"] is not None else by_role.get(row["role"], ())
        for duty in duties:
            found[row["depot_id"], duty].append(row["login"])
    return found


async def give(connection: Connection, user_id: int, duties: Sequence[str] | None) -> None:
    """Say what somebody answers for; None: what the rules say of the role."""
    await _queries.set_duties(
        connection, user_id=user_id, duties=None if duties is None else sorted(set(duties))
    )
