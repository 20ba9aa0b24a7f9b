-- Which legs count now, where the stops of orders lie on the trips that carry them, and indexes for the clock.

-- Once packages of an order were scanned onto a trip, the plan for that part of its way never counts again.
create view leg_in_force as
select l.order_id, l.package_id, l.trip_id, l.from_seq, l.to_seq
from leg l
where l.unbound_at is null
  and (l.bound_by = 'scan' or not exists (
      select from leg scanned
      where scanned.order_id = l.order_id and scanned.bound_by = 'scan'
        and scanned.from_seq < l.to_seq and scanned.to_seq > l.from_seq));

-- Same place: the same geofence, or, without one, the same name; the first such stop of the trip after the one
-- where the leg begins. boards: the packages get on there; elsewhere they come by or get off.
create view order_trip_stop as
select distinct l.order_id, l.trip_id, os.seq as order_seq, os.kind, os.seq = l.from_seq as boards, here.stop_id
from leg_in_force l
join order_stop os on os.order_id = l.order_id and os.seq between l.from_seq and l.to_seq
cross join lateral (
    select coalesce(min(s.seq), -1) as seq
    from stop s
    join order_stop boarding_os on boarding_os.order_id = l.order_id and boarding_os.seq = l.from_seq
    where s.trip_id = l.trip_id
      and (s.geofence_id = boarding_os.geofence_id
           or (boarding_os.geofence_id is null and s.name = boarding_os.name))
) as boarding
cross join lateral (
    select s.stop_id, s.seq
    from stop s
    where s.trip_id = l.trip_id
      and (s.geofence_id = os.geofence_id or (os.geofence_id is null and s.name = os.name))
      and (os.seq = l.from_seq or s.seq > boarding.seq)
    order by s.seq
    limit 1
) as here;

create index leg_order on leg (order_id);
create index milestone_undelivered on milestone (order_id) where stage = 'delivered' and actual_at is null;
create index trip_active on trip using gist (active) where cancelled_at is null;
create index milestone_recorded on milestone (recorded_at) where actual_at is not null;
