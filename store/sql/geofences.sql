-- name: create$
insert into geofence (public_id, depot_id, name, purpose)
select :public_id, depot_id, :name, :purpose
from depot
where public_id = :depot and (:depots::bigint[] is null or depot_id = any(:depots))
returning geofence_id;

-- name: add_version!
insert into geofence_version (geofence_id, version, valid, geometry, repairs, schedule, approach_m)
select :geofence_id, coalesce(max(version), 0) + 1, tstzrange(:valid_from::timestamptz, :valid_to::timestamptz),
       :geometry, :repairs, :schedule::jsonb, :approach_m::double precision
from geofence_version
where geofence_id = :geofence_id;

-- name: lock$
select geofence_id from geofence
where public_id = :public_id and (:depots::bigint[] is null or depot_id = any(:depots))
for update;

-- name: describe!
update geofence set name = coalesce(:name, name), purpose = coalesce(:purpose, purpose)
where geofence_id = :geofence_id;

-- name: end_version$
-- The version in force at a time ends then; nothing when there is none, or it begins only then.
update geofence_version
set valid = tstzrange(lower(valid), :at::timestamptz)
where geofence_id = :geofence_id and (upper_inf(valid) or upper(valid) > :at) and lower(valid) < :at
returning version;

-- name: newest_version^
select lower(valid) as valid_from, upper(valid) as valid_to
from geofence_version
where geofence_id = :geofence_id
order by version desc
limit 1;

-- name: list_page
select g.geofence_id, g.public_id, d.public_id as depot_public_id, g.name, g.purpose, g.created_at,
       n.version, lower(n.valid) as valid_from, upper(n.valid) as valid_to, n.geometry, n.repairs, n.schedule,
       n.approach_m
from geofence g
join depot d using (depot_id)
cross join lateral (
    select version, valid, geometry, repairs, schedule, approach_m
    from geofence_version v
    where v.geofence_id = g.geofence_id
    order by version desc
    limit 1
) as n
where (:depots::bigint[] is null or g.depot_id = any(:depots))
  and (:only::uuid is null or g.public_id = :only)
  and (:depot::uuid is null or d.public_id = :depot)
  and (:purpose::text is null or g.purpose = :purpose)
  and (:after::uuid is null or g.public_id > :after)
order by g.public_id
limit :limit_rows;

-- name: resolve
select g.public_id, g.geofence_id, n.geometry
from geofence g
cross join lateral (
    select geometry
    from geofence_version v
    where v.geofence_id = g.geofence_id
    order by version desc
    limit 1
) as n
where g.public_id = any(:public_ids::uuid[]) and (:depots::bigint[] is null or g.depot_id = any(:depots));
