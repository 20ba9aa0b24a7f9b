"""Loads the named queries of store/sql."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiosql

SQL_FOLDER = Path(__file__).parent / "sql"


def load(noun: str) -> Any:
    """The named queries of `sql/<noun>.sql`: methods that take a connection and named parameters."""
    return aiosql.from_path(SQL_FOLDER / f"{noun}.sql", "asyncpg", mandatory_parameters=False)
