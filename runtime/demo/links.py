"""Where people look during a demo: the pages' addresses, three orders' among them."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

_ANSWER_S = 10.0
_ORDERS = 3


@dataclass(frozen=True, slots=True)
class Link:
    """An address and what is there."""

    what: str
    url: str


def is_ready(api_url: str) -> bool:
    """Whether the API can serve."""
    try:
        with urllib.request.urlopen(f"{api_url}/ready", timeout=_ANSWER_S):
            return True
    except OSError:
        return False


def tracking_links(api_url: str, token: str) -> list[Link]:
    """Share three undelivered orders, each of another trip, with whoever sees the terminal."""
    links: list[Link] = []
    trips: set[str] = set()
    page = _ask(f"{api_url}/v1/orders?open=true&limit=50", token)
    for line in page["items"]:
        order = _ask(f"{api_url}/v1/orders/{line['id']}", token)
        riding = {leg["trip_id"] for leg in order["legs"]}
        if riding and not riding & trips and len(links) < _ORDERS:
            trips |= riding
            link = _ask(f"{api_url}/v1/orders/{line['id']}/share-links", token, b"")
            links.append(Link(f"order {order['number']}", link["url"]))
    return links


def _ask(url: str, token: str, body: bytes | None = None) -> Any:
    request = urllib.request.Request(url, body, {"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=_ANSWER_S) as response:
        return json.load(response)
