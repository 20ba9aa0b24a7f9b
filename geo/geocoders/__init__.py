"""From an address to points, asked of a service somewhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from domain.addresses import Place


class NoAnswer(Exception):
    """The geocoder could not be asked, or its answer cannot be used; later it may."""


class Geocoder(Protocol):
    """Finds the places an address may mean."""

    async def find(self, address: str) -> Sequence[Place]:
        """The places, the likeliest first, all with points; none where it knows none. Raises NoAnswer."""
        ...
