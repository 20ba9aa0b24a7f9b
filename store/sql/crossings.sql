-- name: newest_of_fence
select v.public_id, v.label, c.kind, c.at, c.plus_minus_s
from crossing c
join vehicle v using (vehicle_id)
where c.geofence_id = :geofence_id and c.superseded_at is null
  and (:depots::bigint[] is null or v.depot_id = any(:depots))
order by c.at desc, c.crossing_id desc
limit :limit_rows;

-- name: current_since
select crossing_id, crossing.vehicle_id, geofence_id, kind, at, plus_minus_s, decided_at, lat, lon
from unnest(:vehicle_ids::bigint[], :sinces::timestamptz[]) as wanted (vehicle_id, since)
join crossing
  on crossing.vehicle_id = wanted.vehicle_id
 and crossing.decided_at >= wanted.since
 and crossing.superseded_at is null;

-- name: supersede!
update crossing set superseded_at = :now where crossing_id = any(:crossing_ids);

-- name: record!
insert into crossing (vehicle_id, geofence_id, kind, at, plus_minus_s, decided_at, lat, lon)
select *
from unnest(
    :vehicle_ids::bigint[], :geofence_ids::bigint[], :kinds::text[], :ats::timestamptz[],
    :plus_minus_s::float8[], :decided_ats::timestamptz[], :lats::float8[], :lons::float8[]
);

-- name: newest_checkpoints
-- The last checkpoint of each vehicle strictly before its own time.
select wanted.vehicle_id, newest.at, newest.state
from unnest(:vehicle_ids::bigint[], :befores::timestamptz[]) as wanted (vehicle_id, before)
cross join lateral (
    select at, state
    from vehicle_checkpoint
    where vehicle_checkpoint.vehicle_id = wanted.vehicle_id
      and vehicle_checkpoint.at < wanted.before
      and engine_version = :engine_version
    order by at desc
    limit 1
) as newest;

-- name: checkpoints_from
-- The first few checkpoints of each vehicle at or after its own time.
select wanted.vehicle_id, next.at, next.state
from unnest(:vehicle_ids::bigint[], :froms::timestamptz[]) as wanted (vehicle_id, from_at)
cross join lateral (
    select at, state
    from vehicle_checkpoint
    where vehicle_checkpoint.vehicle_id = wanted.vehicle_id
      and vehicle_checkpoint.at >= wanted.from_at
      and engine_version = :engine_version
    order by at
    limit :limit_rows
) as next
order by wanted.vehicle_id, next.at;

-- name: drop_checkpoints!
delete from vehicle_checkpoint
using unnest(:vehicle_ids::bigint[], :sinces::timestamptz[], :untils::timestamptz[])
      as wrong (vehicle_id, since, until)
where vehicle_checkpoint.vehicle_id = wrong.vehicle_id
  and vehicle_checkpoint.at >= wrong.since and vehicle_checkpoint.at < wrong.until;

-- name: drop_progress!
delete from trip_progress
using unnest(:vehicle_ids::bigint[], :sinces::timestamptz[], :untils::timestamptz[])
      as wrong (vehicle_id, since, until)
where trip_progress.vehicle_id = wrong.vehicle_id
  and trip_progress.fix_at >= wrong.since and trip_progress.fix_at <= wrong.until;

-- name: keep_checkpoints!
insert into vehicle_checkpoint (vehicle_id, at, engine_version, state)
select vehicle_id, at, :engine_version, state
from unnest(:vehicle_ids::bigint[], :ats::timestamptz[], :states::bytea[]) as kept (vehicle_id, at, state)
on conflict (vehicle_id, at) do update
set state = excluded.state, engine_version = excluded.engine_version, recorded_at = now();

-- name: advance_progress!
-- Forward only: a refold of a window in the past says nothing of a trip that went on after it.
insert into trip_progress (
    trip_id, vehicle_id, fix_at, distance_m, off_route_m, off_route_since, recent_pace_s_per_m
)
select *
from unnest(
    :trip_ids::bigint[], :vehicle_ids::bigint[], :fix_ats::timestamptz[], :distances_m::float8[],
    :off_routes_m::float8[], :off_routes_since::timestamptz[], :recent_paces_s_per_m::float8[]
)
order by 1
on conflict (trip_id) do update
set vehicle_id = excluded.vehicle_id, fix_at = excluded.fix_at, distance_m = excluded.distance_m,
    off_route_m = excluded.off_route_m, off_route_since = excluded.off_route_since,
    recent_pace_s_per_m = excluded.recent_pace_s_per_m, updated_at = now()
where trip_progress.fix_at <= excluded.fix_at;
