-- name: all_devices
select device_id, name, kind, datum, status, token_hash
from device
where :depots::bigint[] is null or depot_id = any(:depots);

-- name: devices_by_name
select device_id, name, kind, datum, status, token_hash
from device
where name = any(:names) and (:depots::bigint[] is null or depot_id = any(:depots));

-- name: assignments
select device_id, vehicle_id, lower(period) as from_at, upper(period) as until_at
from device_assignment
join vehicle using (vehicle_id)
where (:device_ids::bigint[] is null or device_id = any(:device_ids))
  and (:depots::bigint[] is null or vehicle.depot_id = any(:depots));

-- name: fence_versions
select geofence_id, version, lower(valid) as valid_from, upper(valid) as valid_until, geometry, schedule,
       approach_m, time_zone
from geofence_version
join geofence using (geofence_id)
join depot using (depot_id)
where (:geofence_ids::bigint[] is null or geofence_id = any(:geofence_ids))
  and (:depots::bigint[] is null or geofence.depot_id = any(:depots));

-- name: trips_ending_after
select trip_id, vehicle_id, lower(active) as from_at, upper(active) as until_at, route_lats, route_lons,
       cancelled_at is not null as cancelled
from trip
where (upper(active) > :since or upper(active) is null)
  and (:depots::bigint[] is null or depot_id = any(:depots));

-- name: trips
select trip_id, vehicle_id, lower(active) as from_at, upper(active) as until_at, route_lats, route_lons,
       cancelled_at is not null as cancelled
from trip
where trip_id = any(:trip_ids) and (:depots::bigint[] is null or depot_id = any(:depots));

-- name: try_writer_lock$
select pg_try_advisory_lock(:key);

-- name: end_silent_writer
-- A session that works asks several times a second. Within a transaction it may compute for long.
select pg_terminate_backend(pid)
from pg_locks
join pg_stat_activity using (pid)
where locktype = 'advisory' and objid = :key and classid = 0 and objsubid = 1 and granted
  and pg_locks.database = (select oid from pg_database where datname = current_database())
  and (state = 'idle' and state_change < clock_timestamp() - :idle_s * interval '1 second'
       or state = 'idle in transaction' and state_change < clock_timestamp() - :computing_s * interval '1 second');
