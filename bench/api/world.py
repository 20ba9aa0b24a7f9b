"""A company whose every order rides on a truck of its own, written straight into the database."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg

from store.cipher import Cipher
from store.place_names import name_index, sealed_name

ROUTE_POINTS = 400

_FOUND = (Path(__file__).parent / "world.sql").read_text(encoding="utf-8")


def token_of(order: int) -> str:
    """The share link's token of an order; orders count from 1."""
    return f"bench-{order}" + "x" * 40


def found(database_url: str, cipher: Cipher, orders: int) -> None:
    """Fill an empty, migrated database."""
    values = {
        "orders": str(orders),
        "points": str(ROUTE_POINTS),
        "from_cipher": _literal(sealed_name(cipher, "上海")),
        "to_cipher": _literal(sealed_name(cipher, "苏州")),
        "from_index": _literal(name_index(cipher, "上海")),
        "to_index": _literal(name_index(cipher, "苏州")),
    }
    # PostgreSQL takes parameters only in single statements.
    statements = _FOUND
    for name, literal in values.items():
        statements = re.sub(rf"(?<!:):{name}\b", literal.replace("\\", r"\\"), statements)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(statements.encode())
        connection.execute("analyze")


def _literal(value: bytes) -> str:
    return f"'\\x{value.hex()}'::bytea"
