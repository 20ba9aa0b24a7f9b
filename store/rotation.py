"""Everything sealed, and how to seal it anew under a newer key, or where it was written in clear."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from store import place_names
from store.addresses import known_point_context
from store.alerts import NOTE_CONTEXT
from store.audit import REASON_CONTEXT as AUDIT_CONTEXT
from store.cipher import Cipher
from store.conflicts import REASON_CONTEXT as CONFLICT_CONTEXT
from store.evidence import EVIDENCE_CONTEXT
from store.facts import QUARANTINE_CONTEXT, SCAN_CONTEXT
from store.intake import CLOCK_REASON_CONTEXT
from store.notices import BODY_CONTEXT, SECRET_CONTEXT
from store.pool import Connection
from store.rejected import REJECTED_CONTEXT

BATCH = 500
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed column, the key of its table, and what a row's ciphertext is tied to."""

    table: str
    key: tuple[str, ...]
    column: str
    context: Callable[[Row], bytes]
    tied_to: str | None = None


def _always(context: bytes) -> Callable[[Row], bytes]:
    return lambda row: context


def _of_row(place: str) -> Callable[[Row], bytes]:
    return lambda row: f"{place}:{row['public_id']}".encode()


SEALED = (
    *(
        Sealed("contact", ("contact_id",), f"{field}_cipher", _of_row(f"contact.{field}"), "public_id")
        for field in ("name", "phone", "address", "point", "email", "candidates")
    ),
    *(
        Sealed("app_user", ("user_id",), f"{field}_cipher", _of_row(f"app_user.{field}"), "public_id")
        for field in ("name", "phone")
    ),
    Sealed(
        "known_point",
        ("address_index",),
        "point_cipher",
        lambda row: known_point_context(row["address_index"]),
    ),
    Sealed("scan", ("scan_key",), "private_cipher", _always(SCAN_CONTEXT)),
    Sealed("quarantine", ("quarantine_id",), "payload_cipher", _always(QUARANTINE_CONTEXT)),
    Sealed("rejected", ("rejected_id",), "payload_cipher", _always(REJECTED_CONTEXT)),
    Sealed("evidence", ("evidence_id",), "private_cipher", _always(EVIDENCE_CONTEXT)),
    Sealed("order_stop", ("order_id", "seq"), "name_cipher", _always(place_names.CONTEXT)),
    Sealed("order_clock", ("order_id", "clock"), "reason_cipher", _always(CLOCK_REASON_CONTEXT)),
    Sealed("order_conflict", ("order_conflict_id",), "reason_cipher", _always(CONFLICT_CONTEXT)),
    Sealed("alert_note", ("alert_note_id",), "text_cipher", _always(NOTE_CONTEXT)),
    Sealed("audit_reason", ("audit_id",), "reason_cipher", _always(AUDIT_CONTEXT)),
    Sealed("endpoint", ("endpoint_id",), "secret_cipher", _always(SECRET_CONTEXT)),
    Sealed("notice", ("notice_id",), "body_cipher", _always(BODY_CONTEXT)),
)
"""Every column of ciphertexts there is; a test holds this against the schema."""

# The key's id is in the first two bytes. Rows that somebody else is changing are left for the next round.
_OLDER = """
select {columns} from {table}
where {column} is not null and get_byte({column}, 0) * 256 + get_byte({column}, 1) <> $1
limit $2 for update skip locked
"""
_COUNT = """
select count(*) from {table}
where {column} is not null and get_byte({column}, 0) * 256 + get_byte({column}, 1) <> $1
"""


async def reseal(connection: Connection, cipher: Cipher) -> int:
    """Seal everything under the newest key, in transactions of 500 rows; returns how many values it was.

    Others may read and write meanwhile: what they seal under an older key is found in a later round or run.
    """
    done = await _seal_what_is_clear(connection, cipher)
    for sealed in SEALED:
        while count := await _reseal_batch(connection, cipher, sealed):
            done += count
    return done


async def under_older_keys(connection: Connection, cipher: Cipher) -> int:
    """How many values only an older key of the ring opens."""
    counts = [
        await connection.fetchval(_COUNT.format(table=one.table, column=one.column), cipher.key_id)
        for one in SEALED
    ]
    return sum(counts)


async def _reseal_batch(connection: Connection, cipher: Cipher, sealed: Sealed) -> int:
    columns = [*sealed.key, sealed.column, *((sealed.tied_to,) if sealed.tied_to else ())]
    query = _OLDER.format(columns=", ".join(columns), table=sealed.table, column=sealed.column)
    marks = " and ".join(f"{name} = ${place}" for place, name in enumerate(sealed.key, start=2))
    # The names are constants of this file.
    update = f"update {sealed.table} set {sealed.column} = $1 where {marks}"  # nosec B608
    async with connection.transaction():
        rows = await connection.fetch(query, cipher.key_id, BATCH)
        for row in rows:
            context = sealed.context(row)
            fresh = cipher.encrypt(cipher.decrypt(row[sealed.column], context), context)
            await connection.execute(update, fresh, *(row[name] for name in sealed.key))
    return len(rows)


async def _seal_what_is_clear(connection: Connection, cipher: Cipher) -> int:
    """Seal what was written before these columns were sealed; what is clear is then gone."""
    done = 0
    async with connection.transaction():
        for row in await connection.fetch(
            "select scan_key, reason, private_cipher from scan where reason is not null for update"
        ):
            known = {} if row["private_cipher"] is None else _opened(cipher, row["private_cipher"])
            private = cipher.seal_texts({**known, "reason": row["reason"]}, SCAN_CONTEXT)
            update = "update scan set reason = null, private_cipher = $1 where scan_key = $2"
            await connection.execute(update, private, row["scan_key"])
            done += 1
        for row in await connection.fetch(
            "select evidence_id, actor, reason from evidence "
            "where num_nonnulls(actor, reason) > 0 and private_cipher is null for update"
        ):
            private = cipher.seal_texts({"actor": row["actor"], "reason": row["reason"]}, EVIDENCE_CONTEXT)
            await connection.execute(
                "update evidence set actor = null, reason = null, private_cipher = $1 where evidence_id = $2",
                private,
                row["evidence_id"],
            )
            done += 1
        done += await _seal_names(connection, cipher)
        done += await _seal_texts(connection, cipher)
    return done


async def _seal_names(connection: Connection, cipher: Cipher) -> int:
    stops = await connection.fetch("select stop_id, name from stop where name_index is null for update")
    for row in stops:
        index = place_names.name_index(cipher, row["name"])
        await connection.execute("update stop set name_index = $1 where stop_id = $2", index, row["stop_id"])
    clear = await connection.fetch(
        "select order_id, seq, name from order_stop where name is not null for update"
    )
    for row in clear:
        await connection.execute(
            "update order_stop set name = null, name_cipher = $1, name_index = $2 "
            "where order_id = $3 and seq = $4",
            place_names.sealed_name(cipher, row["name"]),
            place_names.name_index(cipher, row["name"]),
            row["order_id"],
            row["seq"],
        )
    return len(stops) + len(clear)


async def _seal_texts(connection: Connection, cipher: Cipher) -> int:
    notes = await connection.fetch(
        "select alert_note_id, text from alert_note where text is not null for update"
    )
    for row in notes:
        await connection.execute(
            "update alert_note set text = null, text_cipher = $1 where alert_note_id = $2",
            cipher.encrypt(row["text"].encode(), NOTE_CONTEXT),
            row["alert_note_id"],
        )
    reasons = await connection.fetch(
        "select order_id, clock, reason from order_clock where reason is not null for update"
    )
    for row in reasons:
        await connection.execute(
            "update order_clock set reason = null, reason_cipher = $1 where order_id = $2 and clock = $3",
            cipher.encrypt(row["reason"].encode(), CLOCK_REASON_CONTEXT),
            row["order_id"],
            row["clock"],
        )
    return len(notes) + len(reasons)


def _opened(cipher: Cipher, sealed: bytes) -> dict[str, str | None]:
    return msgspec.json.decode(cipher.decrypt(sealed, SCAN_CONTEXT), type=dict[str, str | None])
