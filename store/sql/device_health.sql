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

-- name: list_page
-- Devices with what is wrong with them. gaps: numbered facts that never came. An open clock_correction: its clock was put
-- right; facts set apart and none: somebody should look.
with listed as (
    select e.device_id, e.public_id, e.name, e.kind, e.status, e.expected_interval_s, d.public_id as depot_public_id,
           fix.device_time as last_fix_at,
           greatest(fix.received_at, (select max(received_at) from scan s where s.device_id = e.device_id),
                    (select max(received_at) from reading r
                     where r.device_id = e.device_id and r.device_time > :now::timestamptz - interval '2 days')) as last_received_at,
           (select coalesce(sum(upper(part) - lower(part)), 0)::bigint
            from numbering n, unnest(n.missing) as part where n.device_id = e.device_id) as gaps,
           (select count(*) from quarantine q where q.device_id = e.device_id and q.processed_at is null) as quarantined,
           (select count(*) from rejected r
            where split_part(r.topic, '/', 3) = e.name and r.usable_at is null) as rejected,
           exists (select from clock_correction c where c.device_id = e.device_id and c.ended_at is null) as is_corrected,
           a.vehicle_id
    from device e
    join depot d using (depot_id)
    left join device_last_fix fix using (device_id)
    left join device_assignment a on a.device_id = e.device_id and a.period @> :now::timestamptz
    where (:depots::bigint[] is null or e.depot_id = any(:depots))
      and (:depot::uuid is null or d.public_id = :depot)
      and (:vehicle_id::bigint is null or a.vehicle_id = :vehicle_id)
), judged as (
    select listed.*,
           kind = 'tracker' and status = 'active'
               and (last_received_at is null
                    or :now - last_received_at > greatest(:silent_after::interval, 3 * expected_interval_s * interval '1 second'))
               as is_silent
    from listed
)
select j.device_id, j.public_id, j.depot_public_id, j.name, j.kind, j.status, j.expected_interval_s, j.last_fix_at,
       j.last_received_at, j.gaps, j.quarantined, j.rejected, j.is_corrected, j.is_silent, v.public_id as vehicle_public_id,
       v.label as vehicle_label
from judged j
left join vehicle v using (vehicle_id)
where (:trouble::text is null
       or (:trouble = 'silent' and is_silent) or (:trouble = 'clock' and quarantined > 0 and not is_corrected)
       or (:trouble = 'gaps' and gaps > 0) or (:trouble = 'rejected' and rejected > 0)
       or (:trouble = 'any' and (is_silent or gaps > 0 or rejected > 0 or (quarantined > 0 and not is_corrected))))
  and (:after::text is null or j.name > :after)
order by j.name
limit :limit_rows;
