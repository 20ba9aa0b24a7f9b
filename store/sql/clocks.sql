-- name: corrections
-- All that ever held: a fact sent again may have been stored under any of them.
select correction_id, device_id, offset_ms, drift_ppm, reference_at, applies_from, ended_at
from clock_correction
join device using (device_id)
where :depots::bigint[] is null or device.depot_id = any(:depots)
order by correction_id;

-- name: end_correction$
-- One that has not begun to apply never does.
update clock_correction
set ended_at = greatest(:at::timestamptz, applies_from)
where device_id = :device_id and ended_at is null
returning correction_id;

-- name: add_correction$
insert into clock_correction (
    device_id, offset_ms, drift_ppm, reference_at, reason, evidence, applies_from
)
values (:device_id, :offset_ms, :drift_ppm, :reference_at, :reason, :evidence, :applies_from)
returning correction_id;

-- name: samples
-- The newest facts of a device, stored and set apart, each with its time as received.
(select coalesce(reported_time, device_time) as reported_at, received_at
 from position
 where device_id = :device_id and device_time between :since and :until
 order by device_time desc
 limit :limit_rows)
union all
(select coalesce(reported_time, device_time), received_at
 from scan
 where device_id = :device_id and received_at >= :since
 order by device_time desc
 limit :limit_rows)
union all
(select coalesce(reported_time, device_time), received_at
 from reading
 where device_id = :device_id and device_time between :since and :until
 order by device_time desc
 limit :limit_rows)
union all
(select to_timestamp(device_time_ms / 1000.0), received_at
 from quarantine
 where device_id = :device_id and received_at >= :since
 order by received_at desc
 limit :limit_rows);

-- name: in_force^
select c.correction_id, c.device_id, c.offset_ms, c.drift_ppm, c.reference_at, c.applies_from, c.ended_at,
       c.reason, c.evidence
from clock_correction c
where c.device_id = :device_id and c.ended_at is null;

-- name: quarantined_by_reason
select reason, count(*) as facts
from quarantine
where device_id = :device_id and processed_at is null
group by reason
order by reason;

-- name: waiting_in_quarantine
-- Facts set apart whose device's clock is corrected now, and that have not been tried under this correction.
select q.quarantine_id, d.name as device, q.kind, q.received_at, q.payload_cipher, c.correction_id
from clock_correction c
join quarantine q using (device_id)
join device d using (device_id)
where c.ended_at is null and q.processed_at is null and q.tried_correction_id is distinct from c.correction_id
order by q.quarantine_id
limit :limit_rows;

-- name: settle_quarantined!
update quarantine
set tried_correction_id = tried.correction_id, corrected_time = tried.corrected_time,
    processed_at = case when tried.corrected_time is null then null else :now::timestamptz end
from unnest(:quarantine_ids::bigint[], :correction_ids::bigint[], :corrected_times::timestamptz[])
     as tried (quarantine_id, correction_id, corrected_time)
where quarantine.quarantine_id = tried.quarantine_id;
