-- name: create$
insert into trip (public_id, depot_id, vehicle_id, label, active, route_lats, route_lons, free_flow_s)
select :public_id, depot_id, vehicle_id, :label, tstzrange(:active_from::timestamptz, :active_to::timestamptz),
       :route_lats::double precision[], :route_lons::double precision[], :free_flow_s::double precision
from vehicle
where public_id = :vehicle and (:depots::bigint[] is null or depot_id = any(:depots))
returning trip_id;

-- name: add_stops!
insert into stop (trip_id, seq, name, kind, geofence_id, lat, lon, distance_m, planned_arrival_at,
                  planned_departure_at, service_s, name_index)
select :trip_id, seq, name, kind, geofence_id, lat, lon, distance_m, planned_arrival_at, planned_departure_at,
       service_s, name_index
from jsonb_to_recordset(:stops::jsonb) as given
     (seq integer, name text, kind text, geofence_id bigint, lat double precision, lon double precision,
      distance_m double precision, planned_arrival_at timestamptz, planned_departure_at timestamptz,
      service_s double precision)
join unnest(:name_indexes::bytea[]) with ordinality as indexed (name_index, place) on indexed.place = given.seq + 1;

-- name: cancel$
update trip set cancelled_at = coalesce(cancelled_at, :now)
where public_id = :public_id and (:depots::bigint[] is null or depot_id = any(:depots))
returning trip_id;

-- name: list_page
select t.trip_id, t.public_id, d.public_id as depot_public_id, v.public_id as vehicle_public_id, t.label,
       lower(t.active) as active_from, upper(t.active) as active_to, t.cancelled_at, t.created_at
from trip t
join depot d on d.depot_id = t.depot_id
join vehicle v on v.vehicle_id = t.vehicle_id
where (:depots::bigint[] is null or t.depot_id = any(:depots))
  and (:only::uuid is null or t.public_id = :only)
  and (:vehicle::uuid is null or v.public_id = :vehicle)
  and (:active_at::timestamptz is null or (t.active @> :active_at and t.cancelled_at is null))
  and (:after::uuid is null or t.public_id > :after)
order by t.public_id
limit :limit_rows;

-- name: route^
select t.route_lats, t.route_lons, p.fix_at, p.distance_m, p.off_route_m, p.off_route_since
from trip t
left join trip_progress p using (trip_id)
where t.trip_id = :trip_id and (:depots::bigint[] is null or t.depot_id = any(:depots));

-- name: stops
select s.stop_id, s.seq, s.name, s.kind, g.public_id as geofence_public_id, s.lat, s.lon, s.distance_m,
       s.planned_arrival_at, s.planned_departure_at, s.service_s, near.at as approached_at, soon.at as due_soon_at
from stop s
join trip t using (trip_id)
left join geofence g on g.geofence_id = s.geofence_id
left join arriving_soon soon on soon.stop_id = s.stop_id
left join lateral (
    select min(c.at) as at
    from crossing c
    where c.vehicle_id = t.vehicle_id and c.geofence_id = s.geofence_id and c.kind = 'approach'
      and c.superseded_at is null and c.at <@ t.active and s.kind <> 'origin'
) as near on true
where s.trip_id = :trip_id and (:depots::bigint[] is null or t.depot_id = any(:depots))
order by s.seq;

-- name: resolve
select public_id, trip_id
from trip
where public_id = any(:public_ids::uuid[]) and (:depots::bigint[] is null or depot_id = any(:depots));

-- name: next_of$
select public_id
from trip
where vehicle_id = :vehicle_id and cancelled_at is null and lower(active) > :now::timestamptz
  and (:depots::bigint[] is null or depot_id = any(:depots))
order by lower(active)
limit 1;
