"""Public ids of what changes name by internal id, remembered: they never change."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from api.services import Services
from domain.access import Principal
from store import public_ids
from store.public_ids import Noun, PublicId

_KEPT = 200_000


class PublicNames:
    """Looks public ids up, each only once."""

    def __init__(self) -> None:
        self._known: dict[tuple[Noun, int], PublicId] = {}

    async def visible(
        self, api: Services, principal: Principal, noun: Noun, ids: Collection[int]
    ) -> list[UUID]:
        """The public ids of those things the principal may see."""
        missing = [internal_id for internal_id in ids if (noun, internal_id) not in self._known]
        if missing:
            await self._learn(api, noun, missing)
        found = (self._known.get((noun, internal_id)) for internal_id in sorted(ids))
        return [
            name.public_id
            for name in found
            if name is not None and (principal.depot_ids is None or name.depot_id in principal.depot_ids)
        ]

    async def _learn(self, api: Services, noun: Noun, ids: Collection[int]) -> None:
        if len(self._known) > _KEPT:
            self._known.clear()
        async with api.reading() as connection:
            found = await public_ids.look_up(connection, noun, ids)
        self._known.update({(noun, internal_id): name for internal_id, name in found.items()})
