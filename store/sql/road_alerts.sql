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

-- name: long_stops
-- Vehicles that carry undelivered orders, whose fixes have lain within some metres of the latest one for long, away
-- from where their trip calls. A vehicle that has fallen silent may be anywhere.
select v.vehicle_id, v.depot_id, standing.since as standing_since,
       array(select distinct l.order_id
             from leg_in_force l
             join orders o on o.order_id = l.order_id and o.closed_at is null and o.cancelled_at is null
             where l.trip_id = t.trip_id
             order by l.order_id) as order_ids
from trip t
join vehicle v on v.vehicle_id = t.vehicle_id
join latest_position at on at.vehicle_id = t.vehicle_id
cross join lateral (
    select max(f.device_time) as moved_at
    from position f
    where f.device_id = at.device_id and f.device_time > at.device_time - :lookback::interval
      and f.device_time <= at.device_time
      and metres_between(f.lat, f.lon, at.lat, at.lon) > :metres
) as last
cross join lateral (
    select min(f.device_time) as since
    from position f
    where f.device_id = at.device_id and f.device_time <= at.device_time
      and f.device_time > coalesce(last.moved_at, at.device_time - :lookback::interval)
) as standing
where t.active @> :now::timestamptz and t.cancelled_at is null
  and at.device_time > :now - :longest_silence::interval
  and at.device_time - standing.since >= :limit::interval
  and (:depots::bigint[] is null or v.depot_id = any(:depots))
  and exists (select from leg_in_force l
              join orders o on o.order_id = l.order_id and o.closed_at is null and o.cancelled_at is null
              where l.trip_id = t.trip_id)
  and not exists (select from stop s
                  where s.trip_id = t.trip_id and metres_between(s.lat, s.lon, at.lat, at.lon) <= :at_stop_m)
  and not exists (
      select from stop s
      cross join lateral (
          select c.kind from crossing c
          where c.vehicle_id = t.vehicle_id and c.geofence_id = s.geofence_id and c.superseded_at is null
            and c.at <= at.device_time
          order by c.at desc, c.crossing_id desc
          limit 1
      ) as last_crossing
      where s.trip_id = t.trip_id and last_crossing.kind in ('inside', 'enter'))
order by v.vehicle_id;

-- name: past_passages
-- Entries into restricted fences recorded lately but long after they happened, with the exit that followed.
select c.vehicle_id, v.depot_id, g.geofence_id, g.name as fence, c.at as since, gone.at as over_at,
       array(select distinct l.order_id
             from leg_in_force l
             join trip t on t.trip_id = l.trip_id and t.cancelled_at is null and t.active @> c.at
             where t.vehicle_id = c.vehicle_id
             order by l.order_id) as order_ids
from crossing c
join geofence g on g.geofence_id = c.geofence_id and g.purpose = 'restricted'
join vehicle v on v.vehicle_id = c.vehicle_id
cross join lateral (
    select x.at from crossing x
    where x.vehicle_id = c.vehicle_id and x.geofence_id = c.geofence_id and x.superseded_at is null
      and x.kind = 'exit' and x.at > c.at
    order by x.at
    limit 1
) as gone
where c.recorded_at > :recorded_after::timestamptz and c.superseded_at is null and c.kind in ('inside', 'enter')
  and c.recorded_at - c.at > :fresh::interval
  and (:depots::bigint[] is null or v.depot_id = any(:depots))
order by c.at, c.crossing_id;

-- name: mismatched_scans
-- Scans heard of lately, made far from where the vehicle was that they name or that their scanner rides on, judged by
-- its fix nearest in time. What closed an order counts as well: a parcel handed over somewhere else.
select s.code, s.device_time as since, v.vehicle_id, coalesce(p.order_id, o.order_id) as order_id, o.depot_id, near.metres
from scan s
left join device_assignment ridden
  on s.vehicle is null and ridden.device_id = s.device_id and ridden.period @> s.device_time
join vehicle v on v.label = s.vehicle or v.vehicle_id = ridden.vehicle_id
left join package p on p.code = s.code
join orders o on o.order_id = p.order_id or (p.order_id is null and o.number = s.code)
cross join lateral (
    select metres_between(s.lat, s.lon, f.lat, f.lon) as metres
    from device_assignment a
    join position f on f.device_id = a.device_id
     and f.device_time between s.device_time - interval '5 min' and s.device_time + interval '5 min'
    where a.vehicle_id = v.vehicle_id and a.period @> s.device_time
    order by abs(extract(epoch from f.device_time - s.device_time))
    limit 1
) as near
where s.received_at > :recent::timestamptz and s.lat is not null and s.lon is not null and not s.too_late
  and near.metres > :metres and s.device_time <= coalesce(o.closed_at, 'infinity')
  and (:depots::bigint[] is null or o.depot_id = any(:depots))
order by s.device_time, s.code;

-- name: impossible_moves
-- Scans heard of lately that lie farther from the scan before (of the same code, or by the same scanner) than
-- anything drives in that time.
select s.device_time as since, o.order_id, o.depot_id, before.metres
from scan s
left join package p on p.code = s.code
join orders o on o.order_id = p.order_id or (p.order_id is null and o.number = s.code)
cross join lateral (
    -- Clocks of two scanners may disagree by five minutes.
    select metres_between(s.lat, s.lon, b.lat, b.lon) as metres,
           s.device_time - b.device_time
           + case when b.device_id = s.device_id then interval '0' else interval '5 min' end as apart
    from (
        (select device_id, lat, lon, device_time from scan
         where code = s.code and device_time < s.device_time and lat is not null and lon is not null and not too_late
         order by device_time desc
         limit 1)
        union all
        (select device_id, lat, lon, device_time from scan
         where device_id = s.device_id and device_time < s.device_time and lat is not null and lon is not null
           and not too_late
         order by device_time desc
         limit 1)
    ) as b
) as before
where s.received_at > :recent::timestamptz and s.lat is not null and s.lon is not null and not s.too_late
  and before.metres > :metres and before.metres > :mps * extract(epoch from before.apart)
  and s.device_time <= coalesce(o.closed_at, 'infinity')
  and (:depots::bigint[] is null or o.depot_id = any(:depots))
order by s.device_time, o.order_id;
