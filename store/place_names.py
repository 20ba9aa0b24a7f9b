"""Names of stops: an order's are sealed, as they may be the customer's, and compared by a keyed hash."""

from __future__ import annotations

from store.cipher import Cipher

CONTEXT = b"order_stop.name"


def sealed_name(cipher: Cipher, name: str) -> bytes:
    """The name of an order's stop as it is stored."""
    return cipher.encrypt(name.encode(), CONTEXT)


def opened_name(cipher: Cipher, sealed: bytes | None, in_clear: str | None) -> str:
    """The name of an order's stop; `in_clear` where it was stored before names were sealed."""
    return in_clear or "" if sealed is None else cipher.decrypt(sealed, CONTEXT).decode()


def name_index(cipher: Cipher, name: str) -> bytes:
    """By which stops of the same name are found to be one place."""
    return cipher.blind_index(b"place:" + name.encode())
