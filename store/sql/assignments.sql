-- name: load_of^
select coalesce(sum(weight_kg), 0)::float8 as weight_kg, coalesce(sum(volume_m3), 0)::float8 as volume_m3
from package where order_id = :order_id;

-- name: place_of^
-- Where a stop of an order is: where a trip stops at the same fence or name.
select s.lat, s.lon
from order_stop os
join stop s on s.geofence_id = os.geofence_id or (os.geofence_id is null and (s.name_index = os.name_index or s.name = os.name))
where os.order_id = :order_id and os.kind = :kind
order by s.stop_id desc
limit 1;

-- name: fleet
-- The vehicles of an order's depot with what they are to carry besides it. Distances are on a sphere (haversine).
select v.vehicle_id, v.public_id, v.label, v.status, v.capacity_kg, v.capacity_m3,
       carried.weight_kg, carried.volume_m3,
       2 * 6371008.8 * asin(sqrt(
           sin(radians(p.lat - :lat::float8) / 2) ^ 2
           + cos(radians(p.lat)) * cos(radians(:lat::float8)) * sin(radians(p.lon - :lon::float8) / 2) ^ 2
       )) as to_origin_m
from vehicle v
join orders wanted on wanted.order_id = :order_id and wanted.depot_id = v.depot_id
left join latest_position p using (vehicle_id)
cross join lateral (
    select coalesce(sum(k.weight_kg), 0)::float8 as weight_kg, coalesce(sum(k.volume_m3), 0)::float8 as volume_m3
    from order_assignment a
    join orders o on o.order_id = a.order_id and o.closed_at is null and o.order_id <> :order_id
    join package k on k.order_id = o.order_id
    where a.vehicle_id = v.vehicle_id and a.ended_at is null
) as carried
where (:depots::bigint[] is null or v.depot_id = any(:depots))
  and (:only::uuid is null or v.public_id = :only)
order by v.vehicle_id;

-- name: vehicle_of_trip^
select v.vehicle_id, v.label, v.status, v.capacity_kg, v.capacity_m3
from trip t
join vehicle v using (vehicle_id)
where t.trip_id = :trip_id and coalesce(upper(t.active), 'infinity') > :now::timestamptz;

-- name: end$
update order_assignment set ended_at = :now, ended_by = :by
where order_id = :order_id and ended_at is null
returning vehicle_id;

-- name: add!
insert into order_assignment (order_id, vehicle_id, assigned_at, assigned_by)
values (:order_id, :vehicle_id, :now, :by);

-- name: history
select v.public_id as vehicle_public_id, v.label as vehicle_label, a.assigned_at, a.assigned_by, a.ended_at, a.ended_by
from order_assignment a
join vehicle v using (vehicle_id)
join orders o on o.order_id = a.order_id
where a.order_id = :order_id and (:depots::bigint[] is null or o.depot_id = any(:depots))
order by a.order_assignment_id;

-- name: take_back!
update evidence set retracted_at = :now
where order_id = :order_id and source = 'api' and kind = 'vehicle_assigned' and starts_with(source_key, 'assignment/')
  and retracted_at is null;
