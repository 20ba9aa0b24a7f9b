-- name: latest_for_trips
-- A publication is all rows of one trip with one computed_at; only the newest one counts.
select s.trip_id, s.stop_id, s.seq, s.name, s.kind, s.planned_arrival_at,
       e.computed_at, e.fix_at, e.p10_at, e.p50_at, e.p90_at
from trip t
join lateral (
    select max(computed_at) as computed_at from eta where eta.trip_id = t.trip_id
) as newest on true
join eta e on e.trip_id = t.trip_id and e.computed_at = newest.computed_at
join stop s on s.stop_id = e.stop_id
where t.trip_id = any(:trip_ids::bigint[])
  and (:depots::bigint[] is null or t.depot_id = any(:depots))
order by s.trip_id, s.seq;

-- name: latest_for_orders
-- An order split over several trips is at a stop when the last of them is. It gets to a hub with the trip that
-- brings it, not with the one that takes it on.
select ots.order_id, ots.order_seq as stop_seq, ots.kind,
       max(e.computed_at) as computed_at, min(e.fix_at) as fix_at,
       max(e.p10_at) as p10_at, max(e.p50_at) as p50_at, max(e.p90_at) as p90_at
from order_trip_stop ots
join orders o on o.order_id = ots.order_id
join trip t on t.trip_id = ots.trip_id and t.cancelled_at is null
join lateral (
    select max(computed_at) as computed_at from eta where eta.trip_id = ots.trip_id
) as newest on true
join eta e on e.trip_id = ots.trip_id and e.stop_id = ots.stop_id and e.computed_at = newest.computed_at
where ots.order_id = any(:order_ids::bigint[]) and ots.boards = (ots.kind = 'origin')
  and (:depots::bigint[] is null or o.depot_id = any(:depots))
group by ots.order_id, ots.order_seq, ots.kind
order by ots.order_id, ots.order_seq;

-- name: under_way
-- Trips whose time it is, with their stops, the first arrivals at their fences, and what was told last.
-- :vehicle_ids and :trip_ids null: all of them.
select t.trip_id, t.vehicle_id, d.time_zone, seen.device_time as seen_at, seen.lat, seen.lon, t.free_flow_s,
       p.distance_m, p.fix_at, p.recent_pace_s_per_m, p.off_route_since,
       stops.stops, entered.geofence_ids as entered_ids, entered.ats as entered_ats,
       told.computed_at as told_at, told.stop_ids as told_stop_ids, told.p50_ats as told_p50_ats,
       told.p90_ats as told_p90_ats
from trip t
join depot d on d.depot_id = t.depot_id
left join trip_progress p on p.trip_id = t.trip_id
left join latest_position seen on seen.vehicle_id = t.vehicle_id
cross join lateral (
    select array_agg((s.geofence_id, s.stop_id, s.distance_m, s.service_s, s.planned_arrival_at,
                      s.planned_departure_at, s.kind) order by s.seq) as stops
    from stop s
    where s.trip_id = t.trip_id
) as stops
cross join lateral (
    select array_agg(c.geofence_id order by c.at) as geofence_ids, array_agg(c.at order by c.at) as ats
    from crossing c
    where c.vehicle_id = t.vehicle_id and c.decided_at >= lower(t.active) and c.superseded_at is null
      and c.kind in ('inside', 'enter')
) as entered
cross join lateral (
    select max(e.computed_at) as computed_at, array_agg(e.stop_id) as stop_ids,
           array_agg(e.p50_at) as p50_ats, array_agg(e.p90_at) as p90_ats
    from eta e
    where e.trip_id = t.trip_id
      and e.computed_at = (select max(newest.computed_at) from eta newest where newest.trip_id = t.trip_id)
) as told
where t.active @> :now::timestamptz and t.cancelled_at is null
  and (:depots::bigint[] is null or t.depot_id = any(:depots))
  and (:vehicle_ids::bigint[] is null or t.vehicle_id = any(:vehicle_ids) or t.trip_id = any(:trip_ids::bigint[]))
order by t.trip_id;

-- name: note_arriving_soon
with noted as (
    insert into arriving_soon (stop_id, at, p50_at, within_min)
    select stop_id, :now, p50_at, :within_min
    from unnest(:stop_ids::bigint[], :p50_ats::timestamptz[]) as soon (stop_id, p50_at)
    on conflict (stop_id) do nothing
    returning stop_id
)
select noted.stop_id, stop.trip_id
from noted
join stop using (stop_id);

-- name: orders_at
select ots.order_id, bool_or(ots.kind = 'destination') as ends
from order_trip_stop ots
join orders o using (order_id)
where ots.stop_id = any(:stop_ids::bigint[]) and not ots.boards and o.closed_at is null and o.cancelled_at is null
group by ots.order_id
order by ots.order_id;

-- name: orders_on
select distinct l.order_id
from leg_in_force l
join orders o on o.order_id = l.order_id
where l.trip_id = any(:trip_ids::bigint[]) and o.cancelled_at is null
  and (:depots::bigint[] is null or o.depot_id = any(:depots));

-- name: lock_orders!
select from orders
where order_id = any(:order_ids::bigint[])
  and (:depots::bigint[] is null or depot_id = any(:depots))
order by order_id
for no key update;

-- name: estimate_milestones
-- An origin is left after its service time, a vehicle that is there already leaves now, and neither before the
-- plan. A milestone nothing speaks for any more loses its estimate.
with newest as (
    select ots.order_id,
           case ots.kind when 'origin' then 'dispatched' when 'hub' then 'at_hub' else 'arrived' end as stage,
           case ots.kind when 'hub' then ots.order_seq else -1 end as stop_seq,
           max(case ots.kind
                   when 'origin' then greatest(coalesce(e.p50_at + s.service_s * interval '1 second',
                                                        told.computed_at),
                                               s.planned_departure_at)
                   else e.p50_at
               end) as estimated_at
    from order_trip_stop ots
    join trip t on t.trip_id = ots.trip_id and t.cancelled_at is null
    join stop s on s.stop_id = ots.stop_id
    cross join lateral (
        select max(computed_at) as computed_at from eta where eta.trip_id = ots.trip_id
    ) as told
    left join eta e on e.stop_id = ots.stop_id and e.computed_at = told.computed_at
    where ots.order_id = any(:order_ids::bigint[]) and ots.boards = (ots.kind = 'origin')
    group by 1, 2, 3
)
update milestone m
set estimated_at = moved.estimated_at
from (
    select open.order_id, open.stage, open.stop_seq, newest.estimated_at
    from milestone open
    join orders o on o.order_id = open.order_id
    left join newest on newest.order_id = open.order_id and newest.stage = open.stage
         and newest.stop_seq = open.stop_seq
    where open.order_id = any(:order_ids::bigint[])
      and open.stage in ('dispatched', 'at_hub', 'arrived') and open.actual_at is null
      and open.estimated_at is distinct from newest.estimated_at
      and (:depots::bigint[] is null or o.depot_id = any(:depots))
) as moved
where m.order_id = moved.order_id and m.stage = moved.stage and m.stop_seq = moved.stop_seq
returning m.order_id;
