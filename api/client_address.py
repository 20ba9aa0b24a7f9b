"""Where a request comes from: the peer, or whom a proxy we trust names."""

from __future__ import annotations

from starlette.requests import HTTPConnection


def client_address(connection: HTTPConnection) -> str:
    """The address limits are counted for; the server has replaced a trusted proxy's by its client's."""
    return "unknown" if connection.client is None else connection.client.host
