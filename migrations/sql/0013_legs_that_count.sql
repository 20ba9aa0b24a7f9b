-- The one rule of what an order rides on, for milestones, estimates, alerts and pages alike.

-- A load scan speaks for its package, and there the plan is silent for good: a plan counts for each package that
-- no load scan bound on any part of the plan's way. Legs that have ended still tell what happened while they
-- lasted. package_id null: the whole order.
create view leg_that_counts as
select l.order_id, part.package_id, l.trip_id, l.from_seq, l.to_seq, l.leg_id, l.bound_by, l.bound_at, l.unbound_at
from leg l
join trip t on t.trip_id = l.trip_id and t.cancelled_at is null
cross join lateral (
    select l.package_id
    where l.bound_by = 'scan' or not exists (
        select from leg scanned
        where scanned.order_id = l.order_id and scanned.bound_by = 'scan'
          and scanned.from_seq < l.to_seq and scanned.to_seq > l.from_seq
          and (l.package_id is null or coalesce(scanned.package_id, l.package_id) = l.package_id))
    union all
    select p.package_id
    from package p
    where l.bound_by = 'plan' and l.package_id is null and p.order_id = l.order_id
      and exists (
        select from leg scanned
        where scanned.order_id = l.order_id and scanned.bound_by = 'scan'
          and scanned.from_seq < l.to_seq and scanned.to_seq > l.from_seq)
      and not exists (
        select from leg scanned
        where scanned.order_id = l.order_id and scanned.bound_by = 'scan'
          and scanned.from_seq < l.to_seq and scanned.to_seq > l.from_seq
          and coalesce(scanned.package_id, p.package_id) = p.package_id)
) as part;

-- What rides, or is to ride, as of now.
create or replace view leg_in_force as
select order_id, package_id, trip_id, from_seq, to_seq, leg_id, bound_at
from leg_that_counts
where unbound_at is null;
