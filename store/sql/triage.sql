-- name: orders
select order_id, public_id, number, promised_at, priority, customer_level
from orders
where public_id = any(:public_ids::uuid[]) and (:depots::bigint[] is null or depot_id = any(:depots))
order by promised_at, order_id;

-- name: rides
-- The trip each vehicle is on now, and who drives it.
select v.public_id as vehicle_public_id, t.public_id as trip_public_id, u.public_id as driver_public_id, u.login,
       u.name_cipher, u.phone_cipher
from vehicle v
join trip t on t.vehicle_id = v.vehicle_id and t.active @> :now::timestamptz and t.cancelled_at is null
left join app_user u on u.driver_id = t.driver_id and u.disabled_at is null
where v.public_id = any(:vehicles::uuid[]) and (:depots::bigint[] is null or v.depot_id = any(:depots));
