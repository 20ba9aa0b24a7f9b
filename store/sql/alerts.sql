-- name: list_open
select a.alert_id, a.public_id, a.depot_id, a.kind, a.severity, a.order_ids, v.public_id as vehicle_public_id,
       v.label as vehicle_label, a.opened_at, a.updated_at, a.cleared_at, a.clear_reason,
       a.acknowledged_at, a.acknowledged_by, a.detail, a.assigned_to, a.snoozed_until, a.resolved_at, a.resolved_by,
       a.cause, a.found_at, a.found_late, a.reopened
from alert a
left join vehicle v on v.vehicle_id = a.vehicle_id
where a.cleared_at is null
  and (:set_aside::boolean
       or (a.resolved_at is null and (a.snoozed_until is null or a.snoozed_until <= :now::timestamptz)))
  and (:kinds::text[] is null or a.kind = any(:kinds))
  and (:depots::bigint[] is null or a.depot_id = any(:depots))
order by array_position(array['critical', 'warning', 'info'], a.severity), cardinality(a.order_ids) desc,
         a.opened_at, a.alert_id
limit :limit_rows;

-- name: by_public_id^
select a.alert_id, a.public_id, a.depot_id, a.kind, a.severity, a.order_ids, v.public_id as vehicle_public_id,
       v.label as vehicle_label, a.opened_at, a.updated_at, a.cleared_at, a.clear_reason,
       a.acknowledged_at, a.acknowledged_by, a.detail, a.assigned_to, a.snoozed_until, a.resolved_at, a.resolved_by,
       a.cause, a.found_at, a.found_late, a.reopened
from alert a
left join vehicle v on v.vehicle_id = a.vehicle_id
where a.public_id = :public_id
  and (:depots::bigint[] is null or a.depot_id = any(:depots));

-- name: listed_orders
select order_id, public_id, number
from orders
where order_id = any(:order_ids::bigint[])
  and (:depots::bigint[] is null or depot_id = any(:depots))
order by promised_at, order_id;

-- name: acknowledge$
-- The first acknowledgement stays.
update alert
set acknowledged_at = coalesce(acknowledged_at, :now),
    acknowledged_by = coalesce(acknowledged_by, :by)
where public_id = :public_id
  and (:depots::bigint[] is null or depot_id = any(:depots))
returning alert_id;

-- name: assign$
update alert set assigned_to = :assigned_to
where public_id = :public_id and (:depots::bigint[] is null or depot_id = any(:depots))
returning alert_id;

-- name: snooze$
update alert set snoozed_until = :until
where public_id = :public_id and cleared_at is null and (:depots::bigint[] is null or depot_id = any(:depots))
returning alert_id;

-- name: resolve$
-- It stays in its place until its reason is gone, so that it is not raised again at once.
update alert set resolved_at = :now, resolved_by = :by, cause = :cause
where public_id = :public_id and (:depots::bigint[] is null or depot_id = any(:depots))
returning alert_id;

-- name: add_note$
insert into alert_note (alert_id, at, by, text_cipher)
select alert_id, :now, :by, :text_cipher from alert
where public_id = :public_id and (:depots::bigint[] is null or depot_id = any(:depots))
returning alert_id;

-- name: notes
select n.alert_id, n.at, n.by, n.text, n.text_cipher
from alert_note n
join alert a using (alert_id)
where n.alert_id = any(:alert_ids::bigint[]) and (:depots::bigint[] is null or a.depot_id = any(:depots))
order by n.alert_note_id;

-- name: precision
-- Of the alerts of a kind that people resolved, how many were worth raising.
select kind, count(*) as resolved, count(*) filter (where cause in ('handled', 'accepted')) as worth
from alert
where resolved_at >= :since::timestamptz and (:depots::bigint[] is null or depot_id = any(:depots))
group by kind
order by kind;

-- name: open_of_kind
select alert_id, kind, subject, order_ids, severity, detail, resolved_at is not null as resolved
from alert
where kind = :kind and cleared_at is null
  and (:depots::bigint[] is null or depot_id = any(:depots));

-- name: count_open
select kind, count(*) as open
from alert
where cleared_at is null
  and (:depots::bigint[] is null or depot_id = any(:depots))
group by kind;

-- name: reopen
-- The newest alert of the same kind and subject, where it ended so recently that this is the same trouble still and
-- nobody resolved it.
update alert
set cleared_at = null, clear_reason = null, updated_at = :now, reopened = reopened + 1, severity = found.severity,
    detail = found.detail, order_ids = array(select jsonb_array_elements_text(found.order_ids)::bigint)
from jsonb_to_recordset(:findings::jsonb) as found
     (kind text, subject text, order_ids jsonb, severity text, detail jsonb)
cross join lateral (
    select recent.alert_id from alert recent
    where recent.kind = found.kind and recent.subject = found.subject
      and recent.cleared_at > :ended_after::timestamptz and recent.cleared_at <= :now and recent.resolved_at is null
    order by recent.cleared_at desc, recent.alert_id desc
    limit 1
) as last
where alert.alert_id = last.alert_id
  and not exists (select from alert open
                  where open.kind = found.kind and open.subject = found.subject and open.cleared_at is null)
returning alert.alert_id, alert.kind, alert.subject;

-- name: raise_all
-- Should another process have opened the same one meanwhile, that one stays: the unique index decides.
insert into alert
    (public_id, depot_id, kind, subject, vehicle_id, order_ids, severity, opened_at, updated_at, found_at, found_late,
     detail)
select public_id, depot_id, kind, subject, vehicle_id,
       array(select jsonb_array_elements_text(order_ids)::bigint), severity, since, :now, :now,
       :now::timestamptz - since > :fresh::interval, detail
from jsonb_to_recordset(:findings::jsonb) as found
     (public_id uuid, depot_id bigint, kind text, subject text, vehicle_id bigint, order_ids jsonb,
      severity text, since timestamptz, detail jsonb)
order by kind, subject
on conflict (kind, subject) where cleared_at is null do nothing
returning alert_id;

-- name: record_past
-- What was over when it was found: kept as an alert that ended, once.
insert into alert
    (public_id, depot_id, kind, subject, vehicle_id, order_ids, severity, opened_at, updated_at, found_at, found_late,
     cleared_at, clear_reason, detail)
select public_id, depot_id, kind, subject, vehicle_id,
       array(select jsonb_array_elements_text(order_ids)::bigint), severity, since, :now, :now, true,
       over_at, 'over', detail
from jsonb_to_recordset(:findings::jsonb) as found
     (public_id uuid, depot_id bigint, kind text, subject text, vehicle_id bigint, order_ids jsonb,
      severity text, since timestamptz, over_at timestamptz, detail jsonb)
where not exists (select from alert known
                  where known.kind = found.kind and known.subject = found.subject
                    and known.opened_at <= found.over_at
                    and coalesce(known.cleared_at, 'infinity') >= found.since)
order by kind, subject, since
returning alert_id;

-- name: change_all
update alert
set order_ids = array(select jsonb_array_elements_text(found.order_ids)::bigint),
    severity = found.severity, detail = found.detail, updated_at = :now
from jsonb_to_recordset(:findings::jsonb) as found
     (alert_id bigint, order_ids jsonb, severity text, detail jsonb)
where alert.alert_id = found.alert_id and alert.cleared_at is null
  and (:depots::bigint[] is null or alert.depot_id = any(:depots))
returning alert.alert_id;

-- name: clear_all
update alert
set cleared_at = :now, updated_at = :now, clear_reason = cleared.reason
from jsonb_to_recordset(:cleared::jsonb) as cleared (alert_id bigint, reason text)
where alert.alert_id = cleared.alert_id and alert.cleared_at is null
  and (:depots::bigint[] is null or alert.depot_id = any(:depots))
returning alert.alert_id;

-- name: expected_arrivals
-- Of an order split over several trips, the last arrival counts.
select distinct on (o.order_id)
       o.order_id, t.vehicle_id, v.depot_id, o.promised_at, e.p50_at, e.p90_at
from trip t
join vehicle v on v.vehicle_id = t.vehicle_id
join lateral (
    select max(computed_at) as computed_at from eta where eta.trip_id = t.trip_id
) as newest on true
join eta e on e.trip_id = t.trip_id and e.computed_at = newest.computed_at
join order_trip_stop ots on ots.trip_id = t.trip_id and ots.stop_id = e.stop_id and ots.kind = 'destination'
join orders o on o.order_id = ots.order_id
where t.active @> :now::timestamptz and t.cancelled_at is null and o.cancelled_at is null
  and (:depots::bigint[] is null or o.depot_id = any(:depots))
  and not exists (
      select from milestone m
      where m.order_id = o.order_id and m.stage in ('arrived', 'delivered') and m.actual_at is not null)
order by o.order_id, e.p50_at desc, t.vehicle_id;

-- name: undelivered
-- The vehicle is the one of the last leg that has begun: it keeps the order until somebody has it.
select o.order_id, riding.vehicle_id, coalesce(riding.depot_id, o.depot_id) as depot_id, o.promised_at
from milestone m
join orders o on o.order_id = m.order_id
left join lateral (
    select v.vehicle_id, v.depot_id
    from leg_in_force l
    join trip t on t.trip_id = l.trip_id
    join vehicle v on v.vehicle_id = t.vehicle_id
    where l.order_id = o.order_id and lower(t.active) <= :now::timestamptz
    order by l.from_seq desc, l.bound_at desc, l.leg_id desc
    limit 1
) as riding on true
where m.stage = 'delivered' and m.actual_at is null
  and o.closed_at is null and o.cancelled_at is null and o.promised_at < :now::timestamptz
  and (:depots::bigint[] is null or o.depot_id = any(:depots));

-- name: delivered_among
select m.order_id
from milestone m
join orders o on o.order_id = m.order_id
where m.stage = 'delivered' and m.actual_at is not null and m.order_id = any(:order_ids::bigint[])
  and (:depots::bigint[] is null or o.depot_id = any(:depots));

-- name: tracked_legs
-- Legs under way between two stops on vehicles with a tracker. A leg from a hub is under way once its vehicle
-- has driven on; a vehicle is at a planned stop while it is inside its fence, or, where there is none, while
-- its progress is near it.
select l.order_id, t.vehicle_id, v.depot_id, dispatched.actual_at as under_way_since,
       seen.device_time as last_fix_at, tracker.expected_interval_s
from milestone delivered
join orders o on o.order_id = delivered.order_id and o.cancelled_at is null
join milestone dispatched on dispatched.order_id = o.order_id and dispatched.stage = 'dispatched'
     and dispatched.actual_at is not null
join milestone arrived on arrived.order_id = o.order_id and arrived.stage = 'arrived'
     and arrived.actual_at is null
join leg_in_force l on l.order_id = o.order_id
join trip t on t.trip_id = l.trip_id and t.active @> :now::timestamptz and t.cancelled_at is null
join vehicle v on v.vehicle_id = t.vehicle_id
join lateral (
    select min(d.expected_interval_s) as expected_interval_s
    from device_assignment a
    join device d on d.device_id = a.device_id
    where a.vehicle_id = t.vehicle_id and a.period @> :now::timestamptz
      and d.kind = 'tracker' and d.status = 'active'
) as tracker on tracker.expected_interval_s is not null
left join trip_progress p on p.trip_id = t.trip_id
left join latest_position seen on seen.vehicle_id = t.vehicle_id
where delivered.stage = 'delivered' and delivered.actual_at is null
  and (:depots::bigint[] is null or o.depot_id = any(:depots))
  and not exists (
      select from milestone m
      where m.order_id = o.order_id and m.stage = 'at_hub' and m.stop_seq = l.to_seq
        and m.actual_at is not null)
  and (
      not exists (
          select from order_stop boarding
          where boarding.order_id = o.order_id and boarding.seq = l.from_seq and boarding.kind = 'hub')
      or exists (
          select from order_trip_stop boarding
          join stop s on s.stop_id = boarding.stop_id
          where boarding.order_id = o.order_id and boarding.trip_id = t.trip_id and boarding.boards
            and boarding.order_seq = l.from_seq and p.distance_m > s.distance_m + :beside_m::float8))
  and not exists (
      select from stop s
      where s.trip_id = t.trip_id and s.geofence_id is null
        and abs(p.distance_m - s.distance_m) <= :beside_m::float8)
  and not exists (
      select from stop s
      cross join lateral (
          select c.kind from crossing c
          where c.vehicle_id = t.vehicle_id and c.geofence_id = s.geofence_id and c.superseded_at is null and c.kind <> 'approach'
          order by c.at desc, c.crossing_id desc
          limit 1
      ) as last_crossing
      where s.trip_id = t.trip_id and last_crossing.kind in ('inside', 'enter'));
