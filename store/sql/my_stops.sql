-- name: trips
-- A driver's trips of the day at the depot, with how far the vehicle is.
select t.trip_id, t.public_id, t.depot_id, t.label, v.label as vehicle_label, lower(t.active) as active_from,
       upper(t.active) as active_to, p.distance_m
from trip t
join vehicle v using (vehicle_id)
join depot d on d.depot_id = t.depot_id
left join trip_progress p on p.trip_id = t.trip_id
cross join lateral (
    select date_trunc('day', :now::timestamptz, d.time_zone) as began
) as day
where t.driver_id = :driver_id and t.cancelled_at is null
  and t.active && tstzrange(day.began, day.began + interval '1 day')
order by lower(t.active), t.trip_id;

-- name: stops
-- The stops of trips with what is to be done there, order by order; no order: nothing is.
select s.trip_id, s.stop_id, s.seq, s.name, s.kind, s.lat, s.lon, s.distance_m, s.planned_arrival_at,
       here.order_id, here.public_id, here.number, here.contact_id, here.does, here.packages, here.done, here.failed
from stop s
left join lateral (
    select o.order_id, o.public_id, o.number, o.contact_id,
           case when ots.boards then 'load' when ots.kind = 'destination' then 'deliver' else 'hub' end as does,
           array(select p.code from package p where p.order_id = o.order_id order by p.package_id) as packages,
           o.closed_at is not null or exists (
               select from milestone m
               where m.order_id = o.order_id and m.actual_at is not null
                 and case when ots.boards then m.stage in ('loaded', 'dispatched', 'delivered')
                          when ots.kind = 'destination' then m.stage = 'delivered'
                          else m.stage = 'delivered' or (m.stage = 'at_hub' and m.stop_seq = ots.order_seq) end) as done,
           (select e.private_cipher from evidence e
            where e.order_id = o.order_id and e.kind in ('attempt_failed', 'refused') and e.retracted_at is null
            order by e.at desc limit 1) as failed
    from order_trip_stop ots
    join orders o on o.order_id = ots.order_id
    where ots.trip_id = s.trip_id and ots.stop_id = s.stop_id and o.cancelled_at is null
) as here on true
where s.trip_id = any(:trip_ids::bigint[])
order by s.trip_id, s.seq, here.order_id;
