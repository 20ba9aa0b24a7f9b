-- name: device_named^
select device_id, public_id, name, kind, status, expected_interval_s
from device
where name = :name and (:depots::bigint[] is null or depot_id = any(:depots));

-- name: device_of_id^
select device_id, public_id, name, kind, status, expected_interval_s
from device
where public_id = :public_id and (:depots::bigint[] is null or depot_id = any(:depots));

-- name: last_heard^
-- The newest fact of any kind by its receipt; readings only where they are recent, or the index cannot find them.
select fix.device_time as last_fix_at, fix.received_at as last_fix_received_at,
       greatest(
           fix.received_at,
           (select max(received_at) from scan where device_id = :device_id),
           (select max(received_at) from reading
            where device_id = :device_id and device_time > :since::timestamptz),
           (select max(received_at) from quarantine where device_id = :device_id)
       ) as last_received_at
from (select :device_id::bigint as device_id) as wanted
left join device_last_fix fix using (device_id);

-- name: topics
select n.kind, n.lowest, greatest(n.highest, fix.seq) as highest, n.began_at, n.written_off,
       array(select lower(part) from unnest(n.missing) as part order by part) as missing_from,
       array(select upper(part) - 1 from unnest(n.missing) as part order by part) as missing_to
from numbering n
left join device_last_fix fix on fix.device_id = n.device_id and n.kind = 'gps'
                             and (n.newest_at is null or fix.device_time > n.newest_at)
where n.device_id = :device_id
order by n.kind;
