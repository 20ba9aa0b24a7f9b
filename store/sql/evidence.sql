-- name: orders_of_codes
select order_id
from package
join orders using (order_id)
where package.code = any(:codes) and (:depots::bigint[] is null or orders.depot_id = any(:depots))
union
select order_id
from orders
where number = any(:codes) and (:depots::bigint[] is null or depot_id = any(:depots));

-- name: orders_of_crossings
-- Orders with a stop at a crossed fence that rode, or were planned to ride, on the vehicle at that time.
select distinct leg.order_id
from unnest(:vehicle_ids::bigint[], :geofence_ids::bigint[], :ats::timestamptz[])
     as crossed (vehicle_id, geofence_id, at)
join trip on trip.vehicle_id = crossed.vehicle_id
join leg
  on leg.trip_id = trip.trip_id
 and case leg.bound_by
         when 'plan' then trip.active && tstzrange(crossed.at - :tolerance::interval, crossed.at, '[]')
         else leg.bound_at <= crossed.at + :tolerance
              and coalesce(leg.unbound_at, leg.bound_at + :longest_ride::interval) >= crossed.at - :tolerance
     end
join order_stop on order_stop.order_id = leg.order_id and order_stop.geofence_id = crossed.geofence_id
join orders on orders.order_id = leg.order_id
where :depots::bigint[] is null or orders.depot_id = any(:depots);

-- name: orders_of_trips
-- Orders planned on these trips, or loaded on their vehicles while they lasted.
select leg.order_id
from leg
where leg.trip_id = any(:trip_ids)
union
select coded.order_id
from trip
join scan
  on scan.action = 'load'
 and scan.device_time >= coalesce(lower(trip.active), '-infinity') - :tolerance::interval
 and scan.device_time < coalesce(upper(trip.active), 'infinity')
left join vehicle as named on named.label = scan.vehicle
left join device_assignment as ridden
  on scan.vehicle is null and ridden.device_id = scan.device_id and ridden.period @> scan.device_time
join (select code, order_id from package union all select number, order_id from orders) as coded
  on coded.code = scan.code
where trip.trip_id = any(:trip_ids) and trip.vehicle_id = coalesce(named.vehicle_id, ridden.vehicle_id);

-- name: orders_of_scanners
-- Orders loaded by scanners that did not name the vehicle, each since its own time.
select coded.order_id
from unnest(:device_ids::bigint[], :sinces::timestamptz[]) as changed (device_id, since)
join scan
  on scan.device_id = changed.device_id and scan.action = 'load' and scan.vehicle is null
 and scan.device_time >= changed.since
join (select code, order_id from package union all select number, order_id from orders) as coded
  on coded.code = scan.code;

-- name: lock_orders
-- In id order, so that two transactions with orders in common wait instead of deadlocking. Not the key: whoever
-- adds rows that refer to orders, in whatever order, neither waits nor can be part of a deadlock.
select o.order_id, o.received_at, o.promised_at, o.channel, o.cancelled_at, o.depot_id, o.contact_id, d.time_zone,
       o.tagged_urgent, o.custom, o.production_at, o.customer_level, o.return_without_fault, o.surge
from orders o
join depot d using (depot_id)
where o.order_id = any(:order_ids)
order by o.order_id
for no key update of o;

-- name: stops
select order_id, seq, kind, geofence_id, planned_at from order_stop where order_id = any(:order_ids)
order by order_id, seq;

-- name: packages
select order_id, package_id from package where order_id = any(:order_ids) order by package_id;

-- name: scans
select coded.order_id, coded.package_id, scan.device_time as at, scan.content_hash, scan.device_id, scan.code,
       scan.action, coalesce(named.vehicle_id, ridden.vehicle_id) as vehicle_id, scan.operator
from (
    select order_id, package_id, code from package where order_id = any(:order_ids)
    union all
    select order_id, null, number
    from orders
    where order_id = any(:order_ids)
      and not exists (
          select from package where package.order_id = orders.order_id and package.code = orders.number
      )
) as coded
join scan on scan.code = coded.code and not scan.too_late
left join vehicle as named on named.label = scan.vehicle
left join device_assignment as ridden
  on scan.vehicle is null and ridden.device_id = scan.device_id and ridden.period @> scan.device_time;

-- name: trips_of_vehicles
select trip_id, vehicle_id, lower(active) as from_at, upper(active) as until_at,
       array(select geofence_id from stop where stop.trip_id = trip.trip_id and geofence_id is not null)
           as geofence_ids
from trip
where vehicle_id = any(:vehicle_ids) and cancelled_at is null and active && tstzrange(:earliest, :latest, '[]');

-- name: legs_that_count
-- A plan holds while its trip does, whenever it was entered, unless it was ended before.
select l.order_id, l.package_id, l.trip_id, trip.vehicle_id, l.from_seq, l.to_seq,
       case l.bound_by when 'plan' then coalesce(lower(trip.active), l.bound_at) else l.bound_at end as bound_at,
       case l.bound_by when 'plan' then least(l.unbound_at, upper(trip.active)) else l.unbound_at end as unbound_at
from leg_that_counts l
join trip using (trip_id)
where l.order_id = any(:order_ids)
  and (l.bound_by = 'scan' or l.unbound_at is null or l.unbound_at > coalesce(lower(trip.active), l.bound_at))
order by l.order_id, l.leg_id, l.package_id;

-- name: scanned_legs
select leg.leg_id, leg.order_id, leg.package_id, leg.trip_id, trip.vehicle_id, leg.from_seq, leg.to_seq,
       leg.bound_at, leg.unbound_at
from leg
join trip using (trip_id)
where leg.order_id = any(:order_ids) and leg.bound_by = 'scan';

-- name: drop_legs!
delete from leg where leg_id = any(:leg_ids);

-- name: add_legs!
insert into leg (order_id, package_id, trip_id, from_seq, to_seq, bound_at, unbound_at, bound_by)
select *, 'scan'
from unnest(
    :order_ids::bigint[], :package_ids::bigint[], :trip_ids::bigint[], :from_seqs::integer[], :to_seqs::integer[],
    :bound_ats::timestamptz[], :unbound_ats::timestamptz[]
);

-- name: crossings_at
-- Current crossings of vehicles at fences within a time.
select vehicle_id, geofence_id, kind, at, plus_minus_s, decided_at, lat, lon
from crossing
where vehicle_id = any(:vehicle_ids) and geofence_id = any(:geofence_ids) and at between :since and :until
  and superseded_at is null;

-- name: current_evidence
select evidence_id, order_id, kind, at, source, source_key, package_id, stop_seq, plus_minus_s
from evidence
where order_id = any(:order_ids) and retracted_at is null;

-- name: retract!
update evidence set retracted_at = :now where evidence_id = any(:evidence_ids);

-- name: add_evidence
-- Nothing where the same has been said before.
insert into evidence (
    order_id, kind, at, source, source_key, package_id, stop_seq, plus_minus_s, private_cipher
)
select *
from unnest(
    :order_ids::bigint[], :kinds::text[], :ats::timestamptz[], :sources::text[], :source_keys::text[],
    :package_ids::bigint[], :stop_seqs::integer[], :plus_minus_s::float8[], :private_ciphers::bytea[]
)
on conflict (order_id, source, source_key, kind) where retracted_at is null do nothing
returning order_id, source, source_key, kind, evidence_id;
