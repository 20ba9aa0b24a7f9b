-- name: off_route
-- Vehicles that carry undelivered orders and have been too far from their trip's route for too long.
select t.vehicle_id, v.depot_id, array_agg(distinct l.order_id) as order_ids, p.off_route_since as since,
       p.off_route_m as metres
from trip_progress p
join trip t on t.trip_id = p.trip_id and t.cancelled_at is null and t.active @> :now::timestamptz
join vehicle v on v.vehicle_id = t.vehicle_id
join leg_in_force l on l.trip_id = t.trip_id
join orders o on o.order_id = l.order_id and o.closed_at is null and o.cancelled_at is null
where p.off_route_m >= :metres and p.off_route_since <= :since::timestamptz
  and (:depots::bigint[] is null or v.depot_id = any(:depots))
group by t.vehicle_id, v.depot_id, p.off_route_since, p.off_route_m
order by t.vehicle_id;

-- name: restricted
-- Vehicles whose last crossing of a restricted fence went in.
select v.vehicle_id, v.depot_id, g.geofence_id, g.name as fence, c.at as since,
       array(select distinct l.order_id
             from leg_in_force l
             join trip t on t.trip_id = l.trip_id and t.cancelled_at is null and t.active @> :now::timestamptz
             join orders o on o.order_id = l.order_id and o.closed_at is null and o.cancelled_at is null
             where t.vehicle_id = v.vehicle_id
             order by l.order_id) as order_ids
from geofence g
cross join vehicle v
cross join lateral (
    select c.kind, c.at from crossing c
    where c.vehicle_id = v.vehicle_id and c.geofence_id = g.geofence_id and c.superseded_at is null and c.kind <> 'approach'
    order by c.at desc, c.crossing_id desc
    limit 1
) as c
where g.purpose = 'restricted' and c.kind in ('inside', 'enter')
  and (:depots::bigint[] is null or v.depot_id = any(:depots))
order by v.vehicle_id, g.geofence_id;

-- name: temperature
-- The newest cargo temperature of each vehicle that carries undelivered orders, where it is out of bounds.
select v.vehicle_id, v.depot_id, r.device_time as since, r.celsius,
       array_agg(distinct l.order_id) as order_ids
from device_assignment a
join vehicle v on v.vehicle_id = a.vehicle_id
join trip t on t.vehicle_id = v.vehicle_id and t.cancelled_at is null and t.active @> :now::timestamptz
join leg_in_force l on l.trip_id = t.trip_id
join orders o on o.order_id = l.order_id and o.closed_at is null and o.cancelled_at is null
cross join lateral (
    select reading.device_time, (reading.body -> 'readings' ->> 'cargo_temperature_c')::float8 as celsius
    from reading
    where reading.device_id = a.device_id and reading.kind = 'telemetry' and reading.device_time > :recent::timestamptz
      and jsonb_typeof(reading.body -> 'readings' -> 'cargo_temperature_c') = 'number'
    order by reading.device_time desc
    limit 1
) as r
where a.period @> :now::timestamptz and (r.celsius < :coldest or r.celsius > :warmest)
  and (:depots::bigint[] is null or v.depot_id = any(:depots))
group by v.vehicle_id, v.depot_id, r.device_time, r.celsius
order by v.vehicle_id;

-- name: mismatched_scans
-- Scans of the last while made far from where the vehicle was that they name, judged by its fix nearest in time.
select s.code, s.device_time as since, v.vehicle_id, coalesce(p.order_id, o.order_id) as order_id, o.depot_id, near.metres
from scan s
join vehicle v on v.label = s.vehicle
left join package p on p.code = s.code
join orders o on o.order_id = p.order_id or (p.order_id is null and o.number = s.code)
cross join lateral (
    select 2 * 6371008.8 * asin(sqrt(
               sin(radians(f.lat - s.lat) / 2) ^ 2
               + cos(radians(s.lat)) * cos(radians(f.lat)) * sin(radians(f.lon - s.lon) / 2) ^ 2
           )) as metres
    from device_assignment a
    join position f on f.device_id = a.device_id
     and f.device_time between s.device_time - interval '5 min' and s.device_time + interval '5 min'
    where a.vehicle_id = v.vehicle_id and a.period @> s.device_time
    order by abs(extract(epoch from f.device_time - s.device_time))
    limit 1
) as near
where s.device_time > :recent::timestamptz and s.lat is not null and s.lon is not null and not s.too_late
  and near.metres > :metres and o.closed_at is null
  and (:depots::bigint[] is null or o.depot_id = any(:depots))
order by s.device_time, s.code;
