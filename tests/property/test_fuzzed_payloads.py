"""Whatever comes over the wire is stored, set apart or rejected: nothing crashes, and the counts add up.

ZAITU_FUZZ says how many payloads (`make fuzz`: 100,000). A fifth is made up from the fields of the wire
format, the others are samples with bytes cut, flipped, doubled or exchanged.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from company import Company, circle, utc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.committer import Committer
from ingest.formats.fields import FIELDS, Field, Integer, Number
from ingest.messages import Message, Outcome
from store.cipher import Cipher
from store.pool import open_connection

PAYLOADS = int(os.environ.get("ZAITU_FUZZ", "3000"))
MADE_UP_AT_ONCE, MUTATED_AT_ONCE = 20, 80
AT_ONCE = MADE_UP_AT_ONCE + MUTATED_AT_ONCE
DEVICES = 20
NOW = utc("2026-11-21T09:00:00")
NOW_MS = int(NOW.timestamp() * 1000)
SAMPLES = Path(__file__).parents[1] / "golden" / "zaitu"
KINDS = ("gps", "scan", "telemetry", "status", "cmd/ack")
COUNTED = {
    "stored": "select (select count(*) from position) + (select count(*) from scan) "
    "+ (select count(*) from reading)",
    "quarantined": "select count(*) from quarantine",
    "rejected": "select coalesce(sum(times), 0) from rejected",
}

Sent = tuple[str, bytes]


def samples() -> list[Sent]:
    files = sorted(path for path in SAMPLES.rglob("*") if path.parent != SAMPLES)
    return [
        (path.parent.name.replace("cmd_ack", "cmd/ack"), content)
        for path in files
        if len(content := path.read_bytes()) < 5_000
    ]


def cut(payload: bytes, rng: random.Random, other: bytes) -> bytes:
    return payload[: rng.randrange(len(payload) + 1)]


def flipped(payload: bytes, rng: random.Random, other: bytes) -> bytes:
    changed = bytearray(payload)
    for _ in range(rng.randrange(1, 4)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def inserted(payload: bytes, rng: random.Random, other: bytes) -> bytes:
    place = rng.randrange(len(payload) + 1)
    return payload[:place] + rng.randbytes(rng.randrange(1, 6)) + payload[place:]


def doubled(payload: bytes, rng: random.Random, other: bytes) -> bytes:
    first, last = sorted(rng.randrange(len(payload) + 1) for _ in range(2))
    return payload[:last] + payload[first:]


def spliced(payload: bytes, rng: random.Random, other: bytes) -> bytes:
    return payload[: rng.randrange(len(payload) + 1)] + other[rng.randrange(len(other) + 1) :]


def other_digit(payload: bytes, rng: random.Random, other: bytes) -> bytes:
    digits = [place for place, byte in enumerate(payload) if 48 <= byte <= 57]
    if not digits:
        return payload
    place = rng.choice(digits)
    return payload[:place] + str(rng.randrange(10)).encode() + payload[place + 1 :]


MUTATIONS = (cut, flipped, inserted, doubled, spliced, other_digit, other_digit)


def mutated(rng: random.Random, pool: Sequence[Sent]) -> Sent:
    kind, payload = rng.choice(pool)
    for _ in range(rng.randrange(2)):
        if payload:
            payload = rng.choice(MUTATIONS)(payload, rng, rng.choice(pool)[1])
    return (kind if rng.random() < 0.9 else rng.choice(KINDS)), payload


ANY_VALUE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)
REQUIRED = ("ts", "lat", "lon", "scan_id", "code", "action", "operator", "readings", "state", "id", "result")
LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "ts": st.one_of(
        st.integers(NOW_MS - 8 * 86_400_000, NOW_MS + 600_000),
        st.integers(-(10**16), 10**16),
        st.datetimes().map(lambda at: at.isoformat() + "+08:00"),
    ),
    "lat": st.floats(30, 32) | st.floats(-91, 91),
    "lon": st.floats(120, 122) | st.floats(-181, 181),
    "seq": st.integers(-1, 500),
    "datum": st.sampled_from(["wgs84", "gcj02", "bd09"]),
    "action": st.sampled_from(["pick", "load", "deliver", "void", "teleport"]),
    "code": st.sampled_from(["P1", "P1", "P2", "P2", "\0", ""]),
    "readings": st.one_of(
        st.dictionaries(st.sampled_from(["fuel_pct", "a"]), st.floats(0, 9), min_size=1),
        st.dictionaries(st.sampled_from(["fuel_pct", "a", "A", ""]), ANY_VALUE, max_size=3),
    ),
    "state": st.sampled_from(["online", "offline", "asleep"]),
    "result": st.sampled_from(["done", "lost"]),
}


def items(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with the fields of the kind, each mostly of a likely value."""
    fields = FIELDS[next(each for each in FIELDS if each.value == kind.replace("/", "_"))]
    likely = {name: likely_value(name, field) for name, field in fields.items() if name != "device"}
    required = {name: value for name, value in likely.items() if name in REQUIRED}
    optional = {name: value for name, value in likely.items() if name not in REQUIRED}
    unlikely = {name: st.one_of(value, ANY_VALUE) for name, value in likely.items()}
    spoilt = {name: value for name, value in unlikely.items() if name not in REQUIRED}
    return st.one_of(
        st.fixed_dictionaries(required, optional=optional),
        st.fixed_dictionaries(required, optional={**spoilt, "device": st.just("fz-0")}),
        st.fixed_dictionaries({}, optional=unlikely),
    )


def likely_value(name: str, field: Field) -> st.SearchStrategy[Any]:
    """Values that mostly pass, and some at the edge."""
    if name in LIKELY:
        return LIKELY[name]
    match field:
        case Number():
            return st.floats(field.low, field.high)
        case Integer():
            return st.integers(field.low, field.high)
        case _:
            return st.text("ab车", min_size=1, max_size=3)


def encoded(content: Any, as_msgpack: bool) -> bytes:
    if as_msgpack:
        try:
            return msgspec.msgpack.encode(content)
        except (OverflowError, UnicodeEncodeError):
            pass
    return json.dumps(content).encode()


MADE_UP: st.SearchStrategy[Sent] = st.sampled_from(KINDS).flatmap(
    lambda kind: st.tuples(
        st.just(kind),
        st.builds(
            encoded,
            st.one_of(items(kind), items(kind), st.lists(items(kind), max_size=3), ANY_VALUE),
            st.booleans(),
        )
        | st.binary(max_size=40),
    )
)


@dataclass
class Line:
    """A committer on a database of its own, and what it said became of everything so far."""

    runner: asyncio.Runner
    committer: Committer
    company: Company
    ends: Counter[str]
    sent: int = 0

    def commit(self, messages: Sequence[Message]) -> dict[Message, Outcome]:
        return self.runner.run(self._commit(messages))

    async def _commit(self, messages: Sequence[Message]) -> dict[Message, Outcome]:
        told: dict[Message, Outcome] = {}
        async for batch in self.committer.commit(messages):
            told.update(zip(batch.messages, batch.outcomes, strict=True))
        return told


@pytest.fixture(scope="module")
def line(another_database: Callable[[], AbstractContextManager[str]]) -> Iterator[Line]:
    with (
        another_database() as url,
        psycopg.connect(url, autocommit=True) as connection,
        asyncio.Runner() as runner,
    ):
        company = Company(connection)
        depot = company.depot()
        company.fence(depot, "yard", circle(0, 20_000), NOW - timedelta(days=30))
        for number in range(DEVICES):
            device, vehicle = company.device(depot, f"fz-{number}"), company.vehicle(depot, f"V{number}")
            company.assign(device, vehicle, NOW - timedelta(days=30))
        ingest = runner.run(open_connection(url))
        committer = runner.run(Committer.on(ingest, Cipher(bytes(32)), lambda: NOW))
        yield Line(runner, committer, company, Counter())
        ingest.terminate()


def items_of(payload: bytes) -> int:
    """How many items a payload has that could be read."""
    first = payload[0]
    is_msgpack = 0x80 <= first <= 0x9F or 0xDC <= first <= 0xDF
    codec = msgspec.msgpack if is_msgpack else msgspec.json
    try:
        # Left undecoded: a number out of range in a field nobody reads makes no payload unusable.
        return len(codec.decode(payload, type=list[msgspec.Raw]))
    except msgspec.ValidationError:
        return 1


@pytest.mark.timeout(3600)
def test_every_payload_is_stored_set_apart_or_rejected_and_the_database_agrees(line: Line) -> None:
    @given(
        made_up=st.lists(MADE_UP, min_size=MADE_UP_AT_ONCE, max_size=MADE_UP_AT_ONCE),
        seed=st.integers(0, 2**32),
        device=st.integers(0, DEVICES - 1),
    )
    @settings(
        max_examples=max(PAYLOADS // AT_ONCE, 1),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def commit(made_up: list[Sent], seed: int, device: int) -> None:
        _commit(line, made_up, seed, device)

    commit()
    counted = {name: line.company.value(query) for name, query in COUNTED.items()}

    assert line.sent >= PAYLOADS - AT_ONCE
    assert counted == {name: line.ends[name] for name in COUNTED}
    assert min(counted.values()) > PAYLOADS / 200


def _commit(line: Line, made_up: list[Sent], seed: int, device: int) -> None:
    """Commit some payloads, and hold what is said of each against what it holds."""
    rng, pool = random.Random(seed), samples()
    sent = [*made_up, *(mutated(rng, pool) for _ in range(MUTATED_AT_ONCE))]
    rng.shuffle(sent)
    messages = [Message(f"zaitu/v1/fz-{device}/{kind}", payload, NOW) for kind, payload in sent]

    told = line.commit(messages)

    for message in messages:
        outcome = told[message]
        rejections = outcome.rejections or []
        ends = outcome.stored + outcome.duplicates + outcome.quarantined + len(rejections)
        whole = any(place == -1 for place, _, _ in rejections)
        assert ends == (1 if whole else items_of(message.payload)), (message, outcome)
        assert "unusable" not in {reason for _, reason, _ in rejections}, (message, outcome)
        line.ends.update(
            stored=outcome.stored, quarantined=outcome.quarantined, rejected=len(rejections), all=ends
        )
    line.sent += len(messages)


def test_numbers_too_small_for_single_precision_are_stored_also_when_folded_anew(line: Line) -> None:
    for before_ms in (1_000, 61_000):
        fix = {
            "ts": NOW_MS - before_ms,
            "lat": 1e-200,
            "lon": 121.0,
            "accuracy_m": 1e-200,
            "speed_mps": 1e-200,
        }
        message = Message("zaitu/v1/fz-1/gps", msgspec.json.encode(fix), NOW)
        assert line.commit([message])[message].stored == 1
