"""Where a request comes from: the peer, or whom a proxy we trust names."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address

from starlette.requests import HTTPConnection

_ONE_CUSTOMERS_PREFIX = 64


def client_address(connection: HTTPConnection) -> str:
    """The address limits are counted for; the server has replaced a trusted proxy's by its client's.

    Of IPv6 the network of 64 bits: whoever has one address there usually has all of them.
    """
    if connection.client is None:
        return "unknown"
    try:
        address = ip_address(connection.client.host)
    except ValueError:
        return connection.client.host
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), _ONE_CUSTOMERS_PREFIX), strict=False).network_address)
