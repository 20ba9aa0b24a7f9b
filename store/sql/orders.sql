-- name: next_serial$
insert into order_serial (prefix, last) values (:prefix, 1)
on conflict (prefix) do update set last = order_serial.last + 1
returning last;

-- name: number_taken$
select exists (select from orders where number = :number);

-- name: create$
-- Nothing when the number, the channel's reference or the client's key is taken.
insert into orders (public_id, depot_id, number, channel, channel_reference, client_key, client_hash, contact_id,
                    priority, received_at, promised_at, shipper_id)
values (:public_id, :depot_id, :number, :channel, :channel_reference, :client_key, :client_hash, :contact_id,
        :priority, :received_at, :promised_at, :shipper_id)
on conflict do nothing
returning order_id;

-- name: lock_client_key$
select pg_advisory_xact_lock(hashtextextended('orders.client_key ' || :client_key::text, 0));

-- name: by_client_key^
select order_id, public_id, client_hash from orders
where client_key = :client_key and coalesce(shipper_id, 0) = coalesce(:shipper_id::bigint, 0)
  and (:depots::bigint[] is null or depot_id = any(:depots));

-- name: by_reference^
select number from orders
where channel = :channel and channel_reference = :channel_reference
  and coalesce(shipper_id, 0) = coalesce(:shipper_id::bigint, 0)
  and (:depots::bigint[] is null or depot_id = any(:depots));

-- name: add_stops!
insert into order_stop (order_id, seq, kind, name_cipher, name_index, geofence_id, planned_at)
select :order_id, given.*
from unnest(:seqs::integer[], :kinds::text[], :name_ciphers::bytea[], :name_indexes::bytea[], :geofence_ids::bigint[],
            :planned_ats::timestamptz[]) as given;

-- name: add_packages
-- Codes that are taken are left out: the caller sees which came back.
insert into package (order_id, code, weight_kg, volume_m3)
select :order_id, code, weight_kg, volume_m3
from jsonb_to_recordset(:packages::jsonb) as given
     (code text, weight_kg double precision, volume_m3 double precision)
order by code
on conflict (code) do nothing
returning code;

-- name: add_leg!
insert into leg (order_id, trip_id, from_seq, to_seq, bound_by, bound_at)
values (:order_id, :trip_id, :from_seq, :to_seq, 'plan', :bound_at);

-- name: end_plan
-- Ends what is planned of an order on a trip, as of a time.
update leg set unbound_at = :at
where order_id = :order_id and trip_id = :trip_id and bound_by = 'plan' and unbound_at is null
returning leg_id;

-- name: rides_by_scan$
select exists (
    select from leg where order_id = :order_id and trip_id = :trip_id and bound_by = 'scan' and unbound_at is null);

-- name: lock^
select order_id, (select max(seq) from order_stop s where s.order_id = orders.order_id) as last_seq
from orders
where public_id = :public_id and (:depots::bigint[] is null or depot_id = any(:depots))
for no key update;

-- name: package_id$
select package_id from package where order_id = :order_id and code = :code;

-- name: by_public_id^
select o.order_id, o.public_id, d.public_id as depot_public_id, o.number, o.channel, o.channel_reference,
       o.client_key, o.contact_id, o.priority, o.received_at, o.promised_at, o.cancelled_at, o.created_at,
       o.state, o.closed_at, o.missing, o.waybill, o.ordered_at, o.promise_given, o.tagged_urgent, o.custom, o.production_at,
       o.customer_level, o.surge, o.amount_class, o.profit_class, o.hold_reason
from orders o
join depot d using (depot_id)
where o.public_id = :public_id and (:depots::bigint[] is null or o.depot_id = any(:depots));

-- name: stops
select s.seq, s.kind, s.name, s.name_cipher, g.public_id as geofence_public_id, s.planned_at,
       (select min(e.at) from evidence e
        where e.order_id = s.order_id and e.kind = 'approached' and e.stop_seq = s.seq
          and e.retracted_at is null) as approached_at,
       (select min(soon.at)
        from order_trip_stop ots
        join arriving_soon soon using (stop_id)
        where ots.order_id = s.order_id and ots.order_seq = s.seq and not ots.boards) as due_soon_at
from order_stop s
join orders o using (order_id)
left join geofence g on g.geofence_id = s.geofence_id
where s.order_id = :order_id and (:depots::bigint[] is null or o.depot_id = any(:depots))
order by s.seq;

-- name: packages
select p.code, p.weight_kg, p.volume_m3
from package p
join orders o using (order_id)
where p.order_id = :order_id and (:depots::bigint[] is null or o.depot_id = any(:depots))
order by p.package_id;

-- name: legs
select t.public_id as trip_public_id, v.public_id as vehicle_public_id, v.label as vehicle_label,
       p.code as package_code, l.from_seq, l.to_seq, l.bound_by, l.bound_at, l.unbound_at
from leg l
join orders o on o.order_id = l.order_id
join trip t on t.trip_id = l.trip_id
join vehicle v on v.vehicle_id = t.vehicle_id
left join package p on p.package_id = l.package_id
where l.order_id = :order_id and (:depots::bigint[] is null or o.depot_id = any(:depots))
order by l.from_seq, l.bound_at, l.leg_id;

-- name: milestones
select m.stage, nullif(m.stop_seq, -1) as stop_seq, m.planned_at, m.estimated_at, m.actual_at, m.plus_minus_s,
       m.deadline_at, m.owner_role, m.superior_role, m.done_packages, m.of_packages, m.recorded_at,
       m.in_trouble
from milestone m
join orders o using (order_id)
where m.order_id = :order_id and (:depots::bigint[] is null or o.depot_id = any(:depots))
order by array_position(:stages::text[], m.stage), m.stop_seq;

-- name: list_page
-- An order is late when it was not delivered by its promised time.
select o.order_id, o.public_id, d.public_id as depot_public_id, o.number, o.channel, o.channel_reference, o.priority,
       o.received_at, o.promised_at, o.cancelled_at, o.created_at,
       (select m.stage from milestone m
        where m.order_id = o.order_id and m.actual_at is not null
        order by array_position(:stages::text[], m.stage) desc
        limit 1) as stage,
       o.cancelled_at is null and coalesce(delivered.actual_at, :now::timestamptz) > o.promised_at as late
from orders o
join depot d on d.depot_id = o.depot_id
left join milestone delivered
    on delivered.order_id = o.order_id and delivered.stage = 'delivered' and delivered.stop_seq = -1
where (:depots::bigint[] is null or o.depot_id = any(:depots))
  and (:depot::uuid is null or d.public_id = :depot)
  and (:number::text is null or o.number = :number)
  and (:channel_reference::text is null or o.channel_reference = :channel_reference)
  and (:trip::uuid is null or exists (
      select from leg_in_force l join trip t using (trip_id)
      where l.order_id = o.order_id and t.public_id = :trip))
  and (not :is_open::boolean or (delivered.actual_at is null and o.cancelled_at is null))
  and (not :is_late::boolean
       or (o.cancelled_at is null and coalesce(delivered.actual_at, :now) > o.promised_at))
  and (:shipper_id::bigint is null or o.shipper_id = :shipper_id)
  and (:driver_id::bigint is null or exists (
      select from leg l join trip t using (trip_id)
      where l.order_id = o.order_id and l.unbound_at is null and t.cancelled_at is null and t.driver_id = :driver_id))
  and (:phone_index::bytea is null or exists (
      select from contact c
      where c.contact_id = o.contact_id and c.phone_index = :phone_index and c.erased_at is null))
  and (:before::uuid is null or o.public_id < :before)
order by o.public_id desc
limit :limit_rows;
