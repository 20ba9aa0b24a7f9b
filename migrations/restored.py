"""What a restore done wrong leaves behind: tables that look whole, and hold or take no positions any more."""

import psycopg

HYPERTABLES = ("position", "reading")
RESTORE_AGAIN = (
    "Restore the backup again into an empty database, as a superuser, between timescaledb_pre_restore() and "
    "timescaledb_post_restore(): docs/operations.md, Backup and restore"
)

_IS_RESTORING = "select coalesce(current_setting('timescaledb.restoring', true), 'off') = 'on'"
_THERE = "select name from unnest(%s::text[]) as name where to_regclass(name) is not null"
_HAS_EXTENSION = "select exists (select from pg_extension where extname = 'timescaledb')"
_HYPERTABLES = "select hypertable_name from timescaledb_information.hypertables"
_UNKNOWN_CHUNKS = """
select count(*) from pg_inherits
where inhparent = %s::regclass
  and not exists (
      select from timescaledb_information.chunks
      where format('%%I.%%I', chunk_schema, chunk_name)::regclass = inhrelid
  )
"""


def damage_of_restore(connection: psycopg.Connection) -> str | None:
    """Say what a restore left broken, or nothing when the hypertables are whole or there are none yet."""
    there = [row[0] for row in connection.execute(_THERE, [list(HYPERTABLES)])]
    if not there:
        return None
    if not _is_true(connection, _HAS_EXTENSION):
        return f"TimescaleDB is missing, and {' and '.join(there)} with what it kept for them"
    if _is_true(connection, _IS_RESTORING):
        return "it is still restoring (timescaledb_post_restore() was not called)"
    known = {row[0] for row in connection.execute(_HYPERTABLES)}
    plain = [name for name in there if name not in known]
    if plain:
        return f"{' and '.join(plain)} came back as plain tables and not as hypertables"
    for name in there:
        row = connection.execute(_UNKNOWN_CHUNKS, [name]).fetchone()
        if row is not None and row[0]:
            return f"TimescaleDB does not know {row[0]} of the chunks of {name}"
    return None


def _is_true(connection: psycopg.Connection, question: str) -> bool:
    row = connection.execute(question).fetchone()
    return row is not None and bool(row[0])
