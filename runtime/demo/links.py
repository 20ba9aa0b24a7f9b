"""Where people look during a demo: the pages' addresses, three orders' among them."""

from __future__ import annotations

import urllib.request
from dataclasses import dataclass

from runtime.demo.calls import ApiCalls

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


def tracking_links(api: ApiCalls) -> list[Link]:
    """Share three undelivered orders, each of another trip, with whoever sees the terminal."""
    links: list[Link] = []
    trips: set[str] = set()
    page = api.get("/v1/orders?open=true&limit=50")
    for line in page["items"]:
        order = api.get(f"/v1/orders/{line['id']}")
        riding = {leg["trip_id"] for leg in order["legs"]}
        if riding and not riding & trips and len(links) < _ORDERS:
            trips |= riding
            link = api.post(f"/v1/orders/{line['id']}/share-links")
            links.append(Link(f"order {order['number']}", link["url"]))
    return links
