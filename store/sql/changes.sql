-- name: append!
insert into change (kind, ids) values (:kind, :ids);

-- name: nudge!
notify zaitu_change;

-- name: read_after
-- Rows below the snapshot's xmin only: every transaction with a smaller xid has ended, so none can slip in
-- behind the cursor.
select change_id, xid::text::bigint as xid, kind, ids, at
from change
where (xid, change_id) > (:xid::bigint::text::xid8, :change_id)
  and xid < pg_snapshot_xmin(pg_current_snapshot())
order by xid, change_id
limit :limit_rows;

-- name: committed_after
-- Also those that read_after holds back while an older transaction is open.
select kind, ids
from change
where (xid, change_id) > (:xid::bigint::text::xid8, :change_id);

-- name: newest_cursor^
-- Where a reader that wants only what is to come starts.
select coalesce(max(xid), '0'::xid8)::text::bigint as xid,
       coalesce(max(change_id), 0) as change_id
from (
    select xid, change_id from change
    where xid < pg_snapshot_xmin(pg_current_snapshot())
    order by xid desc, change_id desc limit 1
) as newest;

-- name: is_kept$
select exists (select from change where xid = :xid::bigint::text::xid8 and change_id = :change_id);

-- name: oldest_writer_s$
-- Of the whole server: a snapshot's xmin knows no databases. Other roles' sessions show only to members of
-- pg_read_all_stats.
select coalesce(extract(epoch from clock_timestamp() - least(
    (select min(xact_start) from pg_stat_activity where backend_xid is not null),
    (select min(prepared) from pg_prepared_xacts)
))::float8, 0);

-- name: prune$
-- From the beginning of the stream only, so that a cursor that is kept has lost nothing after it; a limited number
-- at a time, and never beyond what ingest has worked into the fold.
with oldest as (
    select change_id, bool_and(at < :before) over (order by xid, change_id) as is_old
    from change
    where (xid, change_id) <= (select ingest_cursor.xid, ingest_cursor.change_id from ingest_cursor)
    order by xid, change_id
    limit :limit_rows
), gone as (
    delete from change where change_id in (select change_id from oldest where is_old) returning 1
)
select count(*) from gone;

-- name: ingest_cursor^
select xid::text::bigint as xid, change_id from ingest_cursor;

-- name: advance_ingest_cursor!
insert into ingest_cursor (xid, change_id)
values (:xid::bigint::text::xid8, :change_id)
on conflict (only_row) do update set xid = excluded.xid, change_id = excluded.change_id;
