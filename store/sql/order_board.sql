-- name: board
-- The most urgent cards of every column, each with the counts of its column. A column is the furthest stage done. Red:
-- in trouble, or a deadline of what is not done yet has passed.
with shown as (
    select o.order_id, o.public_id, o.number, o.priority, o.customer_level, o.promised_at, o.state, o.depot_id, o.closed_at
    from orders o
    join depot d on d.depot_id = o.depot_id
    where o.cancelled_at is null
      and (o.closed_at is null or (o.closed_at > :closed_after::timestamptz and o.state = 'delivered'))
      and (:depots::bigint[] is null or o.depot_id = any(:depots))
      and (:depot::uuid is null or d.public_id = :depot)
      and (:text::text is null
           or position(lower(:text) in lower(o.number)) > 0
           or o.channel_reference = :text
           or exists (select from package p where p.order_id = o.order_id and p.code = :text))
), standing as (
    select shown.*, m.reached, coalesce(m.in_trouble, false) as in_trouble, c.clock,
           coalesce(c.owner_role, m.owner_role) as owner_role,
           case when shown.closed_at is null then least(c.deadline_at, m.deadline_at) end as deadline_at
    from shown
    cross join lateral (
        select max(array_position(:stages::text[], stage)) filter (where actual_at is not null) as reached,
               bool_or(in_trouble) filter (where actual_at is null) as in_trouble,
               min(deadline_at) filter (where actual_at is null) as deadline_at,
               (array_agg(owner_role order by array_position(:stages, stage))
                filter (where actual_at is null and owner_role is not null))[1] as owner_role
        from milestone
        where order_id = shown.order_id
    ) as m
    left join lateral (
        select clock, owner_role, deadline_at
        from order_clock
        where order_id = shown.order_id and stopped_at is null and shown.closed_at is null
          and deadline_at <= coalesce(m.deadline_at, 'infinity')
        order by deadline_at, clock
        limit 1
    ) as c on true
), coloured as (
    select standing.*,
           closed_at is null and (in_trouble or coalesce(deadline_at < :now::timestamptz, false)) as is_red
    from standing
), placed as (
    select coloured.*, count(*) over of_column as orders, count(*) filter (where is_red) over of_column as red,
           row_number() over (partition by reached order by is_red desc, deadline_at, promised_at, order_id) as place
    from coloured
    window of_column as (partition by reached)
)
select order_id, public_id, number, priority, customer_level, promised_at, state, depot_id, closed_at, in_trouble, clock,
       owner_role, deadline_at, is_red, orders, red, coalesce((:stages::text[])[reached], 'received') as stage
from placed
where place <= :per_column
order by reached, place;

-- name: vehicles
-- What carries these orders now, or is to.
select distinct on (l.order_id) l.order_id, v.public_id, v.label
from leg_in_force l
join trip t using (trip_id)
join vehicle v on v.vehicle_id = t.vehicle_id
where l.order_id = any(:order_ids::bigint[]) and t.cancelled_at is null
  and (:depots::bigint[] is null or v.depot_id = any(:depots))
order by l.order_id, lower(t.active) > :now::timestamptz, abs(extract(epoch from lower(t.active) - :now));
