-- name: describe!
-- What the intake knows of an order besides its head.
update orders
set ordered_at = :ordered_at, promise_given = :promise_given, tagged_urgent = :tagged_urgent, custom = :custom,
    production_at = :production_at, customer_level = :customer_level,
    return_without_fault = :return_without_fault, amount_class = :amount_class,
    profit_class = :profit_class, hold_reason = :hold_reason, missing = :missing,
    waybill = :waybill
where order_id = :order_id;

-- name: drop_items!
delete from order_item where order_id = :order_id;

-- name: add_items!
insert into order_item (order_id, line, sku, name, specification, quantity)
select :order_id, line, sku, name, specification, quantity
from jsonb_to_recordset(:items::jsonb) as given
     (line integer, sku text, name text, specification text, quantity double precision);

-- name: items
select i.sku, i.name, i.specification, i.quantity
from order_item i
join orders o using (order_id)
where i.order_id = :order_id and (:depots::bigint[] is null or o.depot_id = any(:depots))
order by i.line;

-- name: same_weekdays
-- How many orders a channel of a depot got on this day, and on the same weekday of the weeks before.
select (select count(*) from orders o
        where o.depot_id = :depot_id and o.channel = :channel
          and o.received_at >= (day.local - weeks.ago * 7)::timestamp at time zone :zone
          and o.received_at < (day.local - weeks.ago * 7 + 1)::timestamp at time zone :zone) as orders
from (select (:at::timestamptz at time zone :zone)::date as local) as day
cross join generate_series(0, :weeks::integer) as weeks (ago)
order by weeks.ago;

-- name: set_priority$
-- Nothing when it stays.
with before as (select order_id, priority from orders where order_id = :order_id)
update orders o
set priority = :priority, surge = :surge
from before
where o.order_id = before.order_id
returning before.priority;

-- name: record_priority!
insert into priority_change (order_id, at, before, after, reason, by)
values (:order_id, :at, :before, :after, :reason, :by);

-- name: priority_changes
select c.at, c.before, c.after, c.reason, c.by
from priority_change c
join orders o using (order_id)
where c.order_id = :order_id and (:depots::bigint[] is null or o.depot_id = any(:depots))
order by c.priority_change_id;

-- name: asked_priority$
select case when reason = :asked_for then after end
from priority_change where order_id = :order_id
order by priority_change_id desc
limit 1;

-- name: current^
select o.depot_id, o.channel, o.received_at, o.promised_at, o.contact_id, o.ordered_at, o.promise_given,
       o.tagged_urgent, o.custom, o.production_at, o.customer_level, o.return_without_fault, o.surge,
       o.amount_class, o.profit_class, o.hold_reason, o.waybill, o.missing, o.state, o.closed_at
from orders o
where o.order_id = :order_id;

-- name: set_contact!
-- A contact that no order has any more is nobody's business.
with former as (
    select contact_id from orders where order_id = :order_id
), changed as (
    update orders set contact_id = :contact_id where order_id = :order_id
)
update contact c
set name_cipher = null, phone_cipher = null, address_cipher = null, point_cipher = null, email_cipher = null,
    candidates_cipher = null, phone_index = null, phone_tail_index = null, address_index = null, erased_at = :now
from former
where c.contact_id = former.contact_id and c.contact_id <> :contact_id
  and not exists (
      select from orders o where o.contact_id = former.contact_id and o.order_id <> :order_id);

-- name: set_promise!
update orders set promised_at = :promised_at, promise_given = true where order_id = :order_id;

-- name: set_waybill!
update orders set waybill = :waybill where order_id = :order_id;

-- name: cancel!
update orders set cancelled_at = coalesce(cancelled_at, :now) where order_id = :order_id;

-- name: clocks
select c.clock, c.ends_with, c.owner_role, c.superior_role, c.started_at, c.warn_at, c.deadline_at, c.stopped_at,
       c.paused_s, c.paused_since, c.reason, c.reason_cipher, c.reason_by, c.reason_at
from order_clock c
join orders o using (order_id)
where c.order_id = :order_id and (:depots::bigint[] is null or o.depot_id = any(:depots))
order by c.started_at, c.clock;

-- name: give_reason$
update order_clock set reason = null, reason_cipher = :reason_cipher, reason_by = :by, reason_at = :now
where order_id = :order_id and clock = :clock
returning clock;
