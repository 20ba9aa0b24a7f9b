-- name: known_codes
select code from package join orders using (order_id)
where code = any(:codes) and (:depots::bigint[] is null or orders.depot_id = any(:depots))
union
select number from orders
where number = any(:codes) and (:depots::bigint[] is null or depot_id = any(:depots));
