-- name: running
-- Clocks that run and are to be warned of.
select c.order_id, o.depot_id, c.clock, c.owner_role, c.superior_role, c.started_at, c.warn_at, c.deadline_at
from order_clock c
join orders o using (order_id)
where c.stopped_at is null and c.warn_at <= :now::timestamptz and c.deadline_at is not null
  and (:depots::bigint[] is null or o.depot_id = any(:depots))
order by c.order_id, c.clock;

-- name: stopped_among
select order_id, clock from order_clock where order_id = any(:order_ids::bigint[]) and stopped_at is not null;

-- name: record
insert into escalation (order_id, clock, started_at, level, roles, due_at, found_at, told)
select order_id, clock, started_at, level, array(select jsonb_array_elements_text(roles)), due_at, :now, told
from jsonb_to_recordset(:steps::jsonb) as found
     (order_id bigint, clock text, started_at timestamptz, level text, roles jsonb, due_at timestamptz, told boolean)
order by order_id, clock, level
on conflict (order_id, clock, started_at, level) do nothing
returning order_id, clock, level;
