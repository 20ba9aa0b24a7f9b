-- name: running
-- The running clocks of somebody's duties (null: all): as owner, and as superior once they are overdue. What is due
-- first comes first, what stands still last.
select c.clock, c.ends_with, c.owner_role, c.superior_role, c.started_at, c.warn_at, c.deadline_at, c.stopped_at,
       c.reason is not null or c.reason_cipher is not null as has_reason,
       o.public_id as order_public_id, o.number, o.priority, o.state, o.missing
from order_clock c
join orders o using (order_id)
where c.stopped_at is null and o.cancelled_at is null
  and (:duties::text[] is null or c.owner_role = any(:duties)
       or (c.superior_role = any(:duties) and c.deadline_at < :now::timestamptz))
  and (:order::uuid is null or o.public_id = :order)
  and (:depots::bigint[] is null or o.depot_id = any(:depots))
order by c.deadline_at nulls last, c.order_id, c.clock
limit :limit_rows;

-- name: counted^
select count(*) as running, count(*) filter (where c.deadline_at < :now::timestamptz) as overdue
from order_clock c
join orders o using (order_id)
where c.stopped_at is null and o.cancelled_at is null
  and (:duties::text[] is null or c.owner_role = any(:duties)
       or (c.superior_role = any(:duties) and c.deadline_at < :now))
  and (:depots::bigint[] is null or o.depot_id = any(:depots));

-- name: one^
select c.clock, c.ends_with, c.owner_role, c.superior_role, c.started_at, c.warn_at, c.deadline_at, c.stopped_at,
       c.reason is not null or c.reason_cipher is not null as has_reason,
       o.public_id as order_public_id, o.number, o.priority, o.state, o.missing
from order_clock c
join orders o using (order_id)
where o.order_id = :order_id and c.clock = :clock
  and (:depots::bigint[] is null or o.depot_id = any(:depots));

-- name: of_code^
-- What a scanned code names: a package, or an order by its number.
select o.order_id, o.public_id, o.number, o.state, p.code as package_code
from package p
join orders o using (order_id)
where p.code = :code and (:depots::bigint[] is null or o.depot_id = any(:depots))
union all
select order_id, public_id, number, state, null
from orders
where number = :code and (:depots::bigint[] is null or depot_id = any(:depots))
limit 1;
