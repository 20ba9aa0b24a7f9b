-- name: existing_positions
-- Which of the suspects are stored already. The bounds let the planner skip chunks.
select position.device_id, position.device_time, position.content_hash
from unnest(:device_ids::bigint[], :device_times::timestamptz[], :content_hashes::bigint[])
     as suspect (device_id, device_time, content_hash)
join position using (device_id, device_time, content_hash)
where position.device_time between :earliest and :latest;

-- name: existing_readings
select reading.device_id, reading.device_time, reading.content_hash
from unnest(:device_ids::bigint[], :device_times::timestamptz[], :content_hashes::bigint[])
     as suspect (device_id, device_time, content_hash)
join reading using (device_id, device_time, content_hash)
where reading.device_time between :earliest and :latest;

-- name: existing_scans
select scan.device_id, scan.device_time, scan.content_hash
from unnest(:device_ids::bigint[], :device_times::timestamptz[], :content_hashes::bigint[])
     as suspect (device_id, device_time, content_hash)
join scan using (device_id, device_time, content_hash);

-- name: last_fixes
select device_id, device_time from device_last_fix where device_id = any(:device_ids);

-- name: newest_fixes
-- By any device that ever spoke for the vehicle: at the latest then its own newest fix was.
select device_assignment.vehicle_id, max(device_last_fix.device_time) as device_time
from device_assignment
join device_last_fix using (device_id)
where device_assignment.vehicle_id = any(:vehicle_ids)
group by device_assignment.vehicle_id;

-- name: advance_last_fixes!
-- Updated where there is a row, which is nearly always and costs half of an upsert; inserted otherwise.
with newest as materialized (
    select *
    from unnest(
        :device_ids::bigint[], :device_times::timestamptz[], :received_ats::timestamptz[], :seqs::bigint[]
    ) as newest (device_id, device_time, received_at, seq)
),
advanced as (
    update device_last_fix
    set device_time = newest.device_time, received_at = newest.received_at, seq = newest.seq
    from newest
    where device_last_fix.device_id = newest.device_id and device_last_fix.device_time < newest.device_time
)
insert into device_last_fix (device_id, device_time, received_at, seq)
select * from newest
where not exists (select from device_last_fix where device_last_fix.device_id = newest.device_id);

-- name: advance_latest_positions!
-- Updated where there is a row, inserted otherwise, as above.
with newest as materialized (
    select *
    from unnest(
        :vehicle_ids::bigint[], :device_ids::bigint[], :device_times::timestamptz[], :received_ats::timestamptz[],
        :lats::float8[], :lons::float8[], :speeds_mps::real[], :headings_deg::real[], :accuracies_m::float8[]
    ) as newest (
        vehicle_id, device_id, device_time, received_at, lat, lon, speed_mps, heading_deg, accuracy_m
    )
),
advanced as (
    update latest_position
    set device_id = newest.device_id, device_time = newest.device_time, received_at = newest.received_at,
        lat = newest.lat, lon = newest.lon, speed_mps = newest.speed_mps,
        heading_deg = newest.heading_deg, accuracy_m = newest.accuracy_m
    from newest
    where latest_position.vehicle_id = newest.vehicle_id
      and latest_position.device_time <= newest.device_time
)
insert into latest_position (
    vehicle_id, depot_id, device_id, device_time, received_at, lat, lon, speed_mps, heading_deg, accuracy_m
)
select vehicle_id, vehicle.depot_id, device_id, device_time, received_at, lat, lon, speed_mps, heading_deg,
       accuracy_m
from newest
join vehicle using (vehicle_id)
where not exists (select from latest_position where latest_position.vehicle_id = newest.vehicle_id);

-- name: quarantine
-- Returns what was not there yet; the rest are duplicates.
insert into quarantine (device_id, kind, device_time_ms, content_hash, received_at, reason, payload_cipher)
select *
from unnest(
    :device_ids::bigint[], :kinds::text[], :device_times_ms::bigint[], :content_hashes::bigint[],
    :received_ats::timestamptz[], :reasons::text[], :payload_ciphers::bytea[]
)
on conflict (device_id, kind, device_time_ms, content_hash) do nothing
returning device_id, kind, device_time_ms, content_hash;

-- name: count_again
-- The same payload again is counted, unless the broker says it is a redelivery of one already here.
update rejected
set times = rejected.times + again.times,
    last_received_at = greatest(rejected.last_received_at, again.last_received_at)
from unnest(
    :topics::text[], :payload_sha256s::bytea[], :items::integer[], :times::bigint[],
    :last_received_ats::timestamptz[]
) as again (topic, payload_sha256, item, times, last_received_at)
where rejected.topic = again.topic and rejected.payload_sha256 = again.payload_sha256
  and rejected.item = again.item
returning rejected.topic, rejected.payload_sha256, rejected.item;

-- name: reject!
insert into rejected (
    source, topic, item, reason, detail, payload_cipher, payload_bytes, payload_sha256, received_at,
    last_received_at, times
)
select *
from unnest(
    :sources::text[], :topics::text[], :items::integer[], :reasons::text[], :details::text[],
    :payload_ciphers::bytea[], :payload_bytes::bigint[], :payload_sha256s::bytea[], :received_ats::timestamptz[],
    :last_received_ats::timestamptz[], :times::bigint[]
);

-- name: positions_of_vehicles
-- Foldable fixes of each vehicle between its own times, by the devices assigned to it at each fix's own time.
-- Device by device along the key: left free, the planner may expect one row after a recent time, and then
-- reads all of them.
select wanted.vehicle_id, fix.device_time, fix.content_hash, fix.lat, fix.lon, fix.accuracy_m, fix.speed_mps,
       device.kind as device_kind
from unnest(:vehicle_ids::bigint[], :afters::timestamptz[], :untils::timestamptz[])
     as wanted (vehicle_id, after, until)
join device_assignment using (vehicle_id)
join device using (device_id)
cross join lateral (
    select device_time, content_hash, lat, lon, accuracy_m, speed_mps
    from position
    where position.device_id = device_assignment.device_id
      and position.device_time > wanted.after and position.device_time <= wanted.until
      and position.device_time > :earliest and position.device_time <= :latest
      and device_assignment.period @> position.device_time
      and not position.too_late
    order by position.device_time, position.content_hash
    offset 0
) as fix
order by wanted.vehicle_id, fix.device_time, fix.content_hash;

-- name: count_positions_after
-- How many foldable fixes of each vehicle are stored after its own time; vehicles with none are left out.
select wanted.vehicle_id, sum(fixes.count) as count
from unnest(:vehicle_ids::bigint[], :afters::timestamptz[]) as wanted (vehicle_id, after)
join device_assignment using (vehicle_id)
cross join lateral (
    select count(*) as count
    from position
    where position.device_id = device_assignment.device_id
      and position.device_time > wanted.after and position.device_time > :earliest
      and device_assignment.period @> position.device_time
      and not position.too_late
) as fixes
group by wanted.vehicle_id;

-- name: vehicles_seen_since
select vehicle_id from latest_position where device_time >= :since;

-- name: seen_since
select latest_position.vehicle_id
from unnest(:vehicle_ids::bigint[], :sinces::timestamptz[]) as wanted (vehicle_id, since)
join latest_position using (vehicle_id)
where latest_position.device_time >= wanted.since;

-- name: forget_other_positions!
-- Positions of another time than the given one, and of devices that did not speak for the vehicle then.
delete from latest_position
using unnest(:vehicle_ids::bigint[], :device_times::timestamptz[]) as seen (vehicle_id, device_time)
where latest_position.vehicle_id = seen.vehicle_id
  and (latest_position.device_time is distinct from seen.device_time
       or not exists (
           select from device_assignment
           where device_assignment.vehicle_id = latest_position.vehicle_id
             and device_assignment.device_id = latest_position.device_id
             and device_assignment.period @> latest_position.device_time));

-- name: place_latest_positions!
-- Fixes by their identity, of the devices that spoke for the vehicle then. The bounds let the planner skip chunks.
insert into latest_position (
    vehicle_id, depot_id, device_id, device_time, received_at, lat, lon, speed_mps, heading_deg, accuracy_m
)
select distinct on (vehicle.vehicle_id)
       vehicle.vehicle_id, vehicle.depot_id, position.device_id, position.device_time, position.received_at,
       position.lat, position.lon, position.speed_mps, position.heading_deg, position.accuracy_m
from unnest(:vehicle_ids::bigint[], :device_times::timestamptz[], :content_hashes::bigint[])
     as seen (vehicle_id, device_time, content_hash)
join vehicle on vehicle.vehicle_id = seen.vehicle_id
join device_assignment
  on device_assignment.vehicle_id = seen.vehicle_id and device_assignment.period @> seen.device_time
join position
  on position.device_id = device_assignment.device_id
 and position.device_time = seen.device_time
 and position.content_hash = seen.content_hash
where position.device_time between :earliest and :latest
order by vehicle.vehicle_id, position.device_id
on conflict (vehicle_id) do update
set device_id = excluded.device_id, device_time = excluded.device_time, received_at = excluded.received_at,
    lat = excluded.lat, lon = excluded.lon, speed_mps = excluded.speed_mps,
    heading_deg = excluded.heading_deg, accuracy_m = excluded.accuracy_m;
