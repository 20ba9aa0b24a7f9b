"""Places from a geocoder that speaks Nominatim's search request, as Nominatim and several adapters do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import httpx

from domain.addresses import Place
from geo.datum import gcj02_to_wgs84
from geo.geocoders import NoAnswer

MOST_PLACES = 5
# Nominatim's place_rank: from 22 on it is a residential area or smaller; below, a town or more.
COARSEST_RANK = 22

Datum = Literal["wgs84", "gcj02"]


class Nominatim:
    """A geocoder behind `url`, such as http://127.0.0.1:8088; `datum` is that of its answers.

    Source: nominatim.org, "Search queries", format jsonv2.
    """

    def __init__(self, client: httpx.AsyncClient, url: str, datum: Datum = "wgs84") -> None:
        self._client, self._url, self._datum = client, f"{url.rstrip('/')}/search", datum

    async def find(self, address: str) -> Sequence[Place]:
        """The places an address may mean, towns and larger left out. Raises NoAnswer."""
        query: dict[str, str | int] = {"q": address, "format": "jsonv2", "limit": MOST_PLACES}
        try:
            answer = await self._client.get(self._url, params=query)
            answer.raise_for_status()
            return [self._place(found) for found in answer.json() if _is_fine(found)]
        except httpx.HTTPStatusError as exc:
            raise NoAnswer(f"the geocoder answered {exc.response.status_code}") from exc
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise NoAnswer(f"the geocoder does not answer ({type(exc).__name__})") from exc
        except (KeyError, TypeError, ValueError) as exc:
            # Not what it said: it may repeat the address.
            raise NoAnswer(f"the geocoder's answer cannot be used ({type(exc).__name__})") from exc

    def _place(self, found: dict[str, Any]) -> Place:
        lat, lon = float(found["lat"]), float(found["lon"])
        if self._datum == "gcj02":
            lats, lons = gcj02_to_wgs84([lat], [lon])
            lat, lon = float(lats[0]), float(lons[0])
        if not (-90 <= lat <= 90 and -180 <= lon <= 180):
            raise ValueError("not on Earth")
        return Place(str(found["display_name"]), (lat, lon))


def _is_fine(found: dict[str, Any]) -> bool:
    """Whether it is a place to deliver to; what does not say is taken for one."""
    return int(found.get("place_rank", COARSEST_RANK)) >= COARSEST_RANK
