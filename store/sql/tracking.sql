-- name: link$
select l.order_id
from share_link l
join orders o using (order_id)
left join milestone m on m.order_id = o.order_id and m.stage = 'delivered' and m.stop_seq = -1
where l.token_hash = :token_hash and l.expires_at > :now and l.revoked_at is null
  and (coalesce(m.actual_at, o.cancelled_at, o.closed_at) + :grace::interval > :now) is not false;

-- name: view^
-- What a link's holder may see, in one row. The ride is the leg under way: it begins at or before the last hub
-- the order reached and ends after it. There is none before dispatch or after delivery.
select o.order_id, o.depot_id, o.number, d.time_zone, o.promised_at, o.cancelled_at,
       least(l.expires_at, ended.at + :grace::interval) as expires_at,
       stops.items as stops, milestones.items as milestones, places.items as places,
       (select count(*) from package p where p.order_id = o.order_id) as packages_total,
       (select coalesce(array_agg(distinct leg.trip_id), '{}') from leg_in_force leg
        where leg.order_id = o.order_id) as trip_ids,
       (select coalesce(array_agg(distinct a.kind order by a.kind), '{}') from alert a
        where a.cleared_at is null and o.order_id = any(a.order_ids)) as alert_kinds,
       o.closed_at is not null as is_closed, o.state,
       (select e.kind from evidence e
        where o.state = 'exception' and e.order_id = o.order_id and e.retracted_at is null
          and e.kind in ('exception', 'attempt_failed', 'refused')
        order by e.at desc, e.evidence_id desc limit 1) as went_wrong,
       (select placement from order_address oa where oa.order_id = o.order_id) as placement,
       ride.trip_id, ride.from_seq, ride.to_seq, ride.vehicle_id, ride.label as vehicle_label,
       at.device_time, at.lat, at.lon, at.speed_mps, at.heading_deg, e.expected_interval_s
from share_link l
join orders o using (order_id)
join depot d on d.depot_id = o.depot_id
cross join lateral (
    select jsonb_agg(jsonb_build_object(
        'seq', s.seq, 'kind', s.kind, 'name', s.name, 'name_cipher', encode(s.name_cipher, 'base64'),
        'planned_at', s.planned_at) order by s.seq) as items
    from order_stop s
    where s.order_id = o.order_id
) as stops
cross join lateral (
    -- Where the order's stops lie on its trips, and the newest estimates for them: a publication is all rows of one trip
    -- with one computed_at. It gets to a hub with the trip that brings it, not with the one that takes it on.
    select coalesce(jsonb_agg(jsonb_build_object(
               'seq', ots.order_seq, 'kind', ots.kind, 'lat', st.lat, 'lon', st.lon, 'computed_at', e.computed_at,
               'fix_at', e.fix_at, 'p10_at', e.p10_at, 'p50_at', e.p50_at, 'p90_at', e.p90_at)), '[]') as items
    from order_trip_stop ots
    join stop st on st.stop_id = ots.stop_id
    join trip t on t.trip_id = ots.trip_id
    left join lateral (
        select eta.*
        from eta
        where ots.boards = (ots.kind = 'origin') and t.cancelled_at is null
          and eta.trip_id = ots.trip_id and eta.stop_id = ots.stop_id
          and eta.computed_at = (select max(computed_at) from eta newest where newest.trip_id = ots.trip_id)
    ) as e on true
    where ots.order_id = o.order_id
) as places
cross join lateral (
    select coalesce(jsonb_agg(jsonb_build_object(
               'stage', m.stage, 'stop_seq', nullif(m.stop_seq, -1), 'planned_at', m.planned_at,
               'estimated_at', m.estimated_at, 'actual_at', m.actual_at,
               'deadline_at', m.deadline_at, 'in_trouble', m.in_trouble, 'done_packages', m.done_packages)
               order by array_position(:stages::text[], m.stage), m.stop_seq), '[]') as items,
           bool_or(m.stage = any(array['dispatched', 'at_hub', 'out_for_delivery', 'arrived'])
                   and m.actual_at is not null) as dispatched,
           max(m.actual_at) filter (where m.stage = 'delivered') as delivered_at,
           coalesce(max(m.stop_seq) filter (where m.stage = 'at_hub' and m.actual_at is not null), 0) as reached
    from milestone m
    where m.order_id = o.order_id
) as milestones
cross join lateral (
    select coalesce(milestones.delivered_at, o.cancelled_at, o.closed_at) as at
) as ended
left join lateral (
    select leg.trip_id, leg.from_seq, leg.to_seq, t.vehicle_id, v.label
    from leg_in_force leg
    join trip t using (trip_id)
    join vehicle v on v.vehicle_id = t.vehicle_id
    where milestones.dispatched and milestones.delivered_at is null and o.cancelled_at is null
      and leg.order_id = o.order_id and t.cancelled_at is null
      and leg.from_seq <= milestones.reached and leg.to_seq > milestones.reached
      and lower(t.active) <= :now::timestamptz
    order by lower(t.active) desc, leg.trip_id desc
    limit 1
) as ride on true
left join latest_position at on at.vehicle_id = ride.vehicle_id
left join device e on e.device_id = at.device_id
where l.token_hash = :token_hash and l.expires_at > :now and l.revoked_at is null
  and (ended.at + :grace::interval > :now) is not false;

-- name: route^
-- The route of a trip, and where along it (metres) the order gets on and off.
select t.route_lats, t.route_lons,
       (select min(s.distance_m) from order_trip_stop ots join stop s using (stop_id)
        where ots.order_id = :order_id and ots.trip_id = t.trip_id and ots.order_seq = :from_seq) as from_m,
       (select max(s.distance_m) from order_trip_stop ots join stop s using (stop_id)
        where ots.order_id = :order_id and ots.trip_id = t.trip_id and ots.order_seq = :to_seq) as to_m
from trip t
where t.trip_id = :trip_id;

-- name: to_look_up^
-- Of an order that links may still lead to, whose contact has a phone number.
select o.order_id, c.public_id, c.phone_cipher
from orders o
join contact c using (contact_id)
left join milestone m on m.order_id = o.order_id and m.stage = 'delivered' and m.stop_seq = -1
where o.number = :number and c.phone_cipher is not null and c.erased_at is null
  and (coalesce(m.actual_at, o.cancelled_at, o.closed_at) + :grace::interval > :now) is not false;
