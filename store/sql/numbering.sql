-- name: numberings
-- A fix in order is noted with its device's newest fix alone, so that the two are read together.
select device.device_id, wanted.kind, n.lowest, n.highest, n.newest_at, n.began_at, n.missing, n.written_off,
       newest.device_time as last_fix_at, newest.seq as last_fix_seq
from unnest(:device_ids::bigint[], :kinds::text[]) as wanted (device_id, kind)
join device using (device_id)
left join numbering n on n.device_id = wanted.device_id and n.kind = wanted.kind
left join device_last_fix newest on newest.device_id = wanted.device_id and wanted.kind = 'gps';

-- name: keep_numberings!
insert into numbering (device_id, kind, lowest, highest, newest_at, began_at, missing, written_off)
select device_id, kind, lowest, highest, newest_at, began_at, missing::int8multirange, written_off
from unnest(
    :device_ids::bigint[], :kinds::text[], :lowests::bigint[], :highests::bigint[], :newest_ats::timestamptz[],
    :began_ats::timestamptz[], :missings::text[], :written_offs::bigint[]
) as kept (device_id, kind, lowest, highest, newest_at, began_at, missing, written_off)
order by 1, 2
on conflict (device_id, kind) do update
set lowest = excluded.lowest, highest = excluded.highest, newest_at = excluded.newest_at,
    began_at = excluded.began_at, missing = excluded.missing, written_off = excluded.written_off;
