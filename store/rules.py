"""The company's rules: one file of TOML, checked, kept in the database, the newest in force."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime, time, tzinfo
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import msgspec

from domain.calendars import Always, Calendar, OfficeHours
from domain.rule_checks import check
from domain.rules import Rules
from store.errors import StoreError
from store.pool import Connection
from store.queries import load
from store.workdays import is_workday

_queries = load("rules")
_DEFAULT_FILE = Path(__file__).parent / "default_rules.toml"


class WrongRules(StoreError):
    """A file of rules says something that cannot be; the message says what and where."""


def parse(text: str) -> Rules:
    """Read and check a file of rules. Raises WrongRules."""
    rules = _read(text)
    try:
        check(rules)
    except ValueError as exc:
        raise WrongRules(f"The rules are wrong: {exc}.") from exc
    return rules


async def put_in_force(connection: Connection, text: str, *, by: str, now: datetime) -> int:
    """Keep a file of rules; from now on it is the one in force. Returns its number. Raises WrongRules."""
    parse(text)
    body = {"toml": text}
    return int(await _queries.add(connection, body=body, loaded_by=by, loaded_at=now))


async def text_in_force(connection: Connection) -> str:
    """The file of the rules now in force."""
    row = await _queries.newest(connection)
    return str(row["body"]["toml"]) if row is not None else _DEFAULT_FILE.read_text(encoding="utf-8")


async def in_force(connection: Connection) -> Rules:
    """The rules now in force: the newest kept, else those shipped.

    Those kept were checked when they were loaded; a check that is new must not stop what ran on them.
    """
    newest = await _queries.newest_digest(connection)
    if newest is None:
        return shipped()
    known = _KNOWN.get(newest)
    if known is None:
        row = await _queries.newest(connection)
        known = _KNOWN[newest] = _read(row["body"]["toml"])
    return known


_KNOWN: dict[str, Rules] = {}


@cache
def shipped() -> Rules:
    """The rules Zaitu comes with."""
    return parse(_DEFAULT_FILE.read_text(encoding="utf-8"))


@lru_cache(maxsize=1000)
def _office(opens: str, closes: str, zone: tzinfo) -> OfficeHours:
    return OfficeHours(time.fromisoformat(opens), time.fromisoformat(closes), zone, is_workday)


def calendars(rules: Rules, zone: tzinfo) -> Mapping[str, Calendar]:
    """The calendars clocks may name, in a depot's zone."""
    return {"always": Always(), "office": _office(rules.office.opens, rules.office.closes, zone)}


def _read(text: str) -> Rules:
    """The rules a file says, whether or not they make sense. Raises WrongRules."""
    try:
        body = tomllib.loads(text)
        rules = msgspec.convert(body, Rules)
        _check_names(body, msgspec.to_builtins(rules), "")
    except tomllib.TOMLDecodeError as exc:
        raise WrongRules(f"The file is not TOML: {exc}.") from exc
    except (msgspec.ValidationError, ValueError) as exc:
        raise WrongRules(f"The rules are wrong: {exc}.") from exc
    return rules


def _check_names(given: Any, known: Any, where: str) -> None:
    """Raise ValueError for a key that means nothing: a slip of the pen must not be a silent loss."""
    if isinstance(given, dict):
        for name, value in given.items():
            if name not in known:
                raise ValueError(f"{where}{name} means nothing; choose from {', '.join(known)}")
            _check_names(value, known[name], f"{where}{name}.")
    elif isinstance(given, list):
        for number, value in enumerate(given):
            _check_names(value, known[number], f"{where}{number}.")
