-- name: forget_rejected$
-- A limited number at a time: while a transaction runs, the readers of `change` wait for it.
with gone as (
    delete from rejected
    where rejected_id in (
        select rejected_id from rejected where last_received_at < :before limit :limit_rows
    )
    returning 1
)
select count(*) from gone;

-- name: forget_quarantined$
with gone as (
    delete from quarantine
    where quarantine_id in (select quarantine_id from quarantine where received_at < :before limit :limit_rows)
    returning 1
)
select count(*) from gone;

-- name: forget_checkpoints$
-- A rebuild starts at the newest checkpoint before the fix that came late: those before the newest one beyond
-- the horizon are never read again.
with needed as (
    select vehicle_id, max(at) as at from vehicle_checkpoint where at < :horizon group by vehicle_id
), gone as (
    delete from vehicle_checkpoint
    where (vehicle_id, at) in (
        select c.vehicle_id, c.at
        from vehicle_checkpoint c
        join needed on needed.vehicle_id = c.vehicle_id and c.at < needed.at
        limit :limit_rows
    )
    returning 1
)
select count(*) from gone;

-- name: drop_oldest_chunk$
select drop_chunks(:hypertable::text::regclass, older_than => oldest.range_end)
from (
    select range_end
    from timescaledb_information.chunks
    where hypertable_schema = 'public' and hypertable_name = :hypertable::text and range_end <= :before::timestamptz
    order by range_end
    limit 1
) as oldest;

-- name: edition$
select current_setting('timescaledb.license', true);

-- name: uncompressed_hypertables
select hypertable_name as hypertable
from timescaledb_information.hypertables
where hypertable_schema = 'public' and not compression_enabled;

-- name: allow_compression_of_position!
alter table position set (timescaledb.compress, timescaledb.compress_segmentby = 'device_id',
                          timescaledb.compress_orderby = 'device_time, content_hash');

-- name: allow_compression_of_reading!
alter table reading set (timescaledb.compress, timescaledb.compress_segmentby = 'device_id',
                         timescaledb.compress_orderby = 'device_time, content_hash');

-- name: compress_oldest_chunk$
select compress_chunk(oldest.chunk)
from (
    select format('%I.%I', chunk_schema, chunk_name)::regclass as chunk
    from timescaledb_information.chunks
    where hypertable_schema = 'public' and hypertable_name in ('position', 'reading')
      and not is_compressed and range_end < :before::timestamptz
    order by range_end
    limit 1
) as oldest;
