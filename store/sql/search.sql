-- name: orders
-- Orders by what was typed, those that match best first, then the newest. A number is found by its beginning or its
-- end, everything else only whole. Phones are hashed: null where the asker may not look for them.
with found as (
    (select order_id, 1 as place, 'number' as matched from orders where upper(number) = upper(:text))
    union all
    (select order_id, 2, 'channel_reference' from orders where channel_reference = :text
     order by order_id desc limit :limit_rows)
    union all
    (select order_id, 2, 'waybill' from orders where waybill = :text order by order_id desc limit :limit_rows)
    union all
    (select order_id, 2, 'package_code' from package where code = :text)
    union all
    (select o.order_id, 2, 'phone'
     from contact c
     join orders o using (contact_id)
     where c.phone_index = :phone_index and c.erased_at is null
     order by o.order_id desc limit :limit_rows)
    union all
    (select o.order_id, 3, 'phone_tail'
     from contact c
     join orders o using (contact_id)
     where c.phone_tail_index = :phone_tail_index and c.erased_at is null
       and (:depots::bigint[] is null or o.depot_id = any(:depots))
     order by o.order_id desc limit :limit_rows)
    union all
    (select order_id, 4, 'number' from orders
     where upper(number) like :prefix and (:depots::bigint[] is null or depot_id = any(:depots))
     order by order_id desc limit :limit_rows)
    union all
    (select order_id, 4, 'number' from orders
     where reverse(upper(number)) like :suffix and (:depots::bigint[] is null or depot_id = any(:depots))
     order by order_id desc limit :limit_rows)
), best as (
    select distinct on (order_id) order_id, place, matched from found order by order_id, place
)
select o.public_id, o.number, o.state, o.promised_at, o.contact_id, best.matched
from best
join orders o using (order_id)
where (:depots::bigint[] is null or o.depot_id = any(:depots))
order by best.place, o.order_id desc
limit :limit_rows;

-- name: vehicles
select public_id, label, kind, status
from vehicle
where position(upper(:text) in upper(label)) > 0 and (:depots::bigint[] is null or depot_id = any(:depots))
order by upper(label) <> upper(:text), status = 'retired', label
limit :limit_rows;

-- name: trips
select t.public_id, t.label, v.public_id as vehicle_public_id, v.label as vehicle_label, lower(t.active) as active_from,
       upper(t.active) as active_to
from trip t
join vehicle v using (vehicle_id)
where position(upper(:text) in upper(t.label)) > 0 and t.cancelled_at is null and upper(t.active) > :ended_after::timestamptz
  and (:depots::bigint[] is null or t.depot_id = any(:depots))
order by not t.active @> :now::timestamptz, abs(extract(epoch from lower(t.active) - :now)), t.trip_id
limit :limit_rows;
