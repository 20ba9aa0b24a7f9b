-- name: carriers
-- Vehicles with what is scanned onto them and not taken off: of an order without packages nothing is known.
select v.vehicle_id, v.status, v.capacity_kg, v.capacity_m3, load.kg as loaded_kg, load.m3 as loaded_m3,
       load.packages
from vehicle v
cross join lateral (
    select coalesce(sum(p.weight_kg), 0)::float8 as kg, coalesce(sum(p.volume_m3), 0)::float8 as m3,
           count(*) as packages
    from trip t
    join leg l on l.trip_id = t.trip_id and l.bound_by = 'scan' and l.unbound_at is null
    join orders o on o.order_id = l.order_id and o.closed_at is null
    join package p on p.order_id = l.order_id and p.package_id = l.package_id
    where t.vehicle_id = v.vehicle_id and t.cancelled_at is null and t.active @> :now::timestamptz
) as load
where v.vehicle_id = any(:vehicle_ids::bigint[]);

-- name: plans
-- What the whole of an order is planned on, and while when; plans somebody ended contradict nothing.
select l.order_id, l.package_id, l.trip_id, t.vehicle_id, l.from_seq, l.to_seq,
       coalesce(lower(t.active), l.bound_at) as bound_at, upper(t.active) as unbound_at
from leg l
join trip t using (trip_id)
where l.order_id = any(:order_ids) and l.bound_by = 'plan' and l.unbound_at is null and t.cancelled_at is null;

-- name: meant
-- The vehicles an order was given to and those it was planned on, each while it held.
select a.order_id, a.vehicle_id, a.assigned_at as since, a.ended_at as until, false as is_plan
from order_assignment a
where a.order_id = any(:order_ids)
union all
select l.order_id, t.vehicle_id, coalesce(lower(t.active), l.bound_at), least(l.unbound_at, upper(t.active)), true
from leg l
join trip t using (trip_id)
where l.order_id = any(:order_ids) and l.bound_by = 'plan' and t.cancelled_at is null
  and (l.unbound_at is null or l.unbound_at > coalesce(lower(t.active), l.bound_at));

-- name: of_scans
-- Open conflicts of these kinds about the orders that codes belong to. Loading the vehicle it is meant for puts right
-- what was loaded on another.
select c.kind, c.key
from order_conflict c
where c.ended_at is null and c.kind = any(:kinds::text[]) and c.detail ->> 'meant' is distinct from 'later'
  and c.order_id in (select order_id from package where code = any(:codes::text[])
                     union select order_id from orders where number = any(:codes));

-- name: stored
select order_id, kind, key, ended_at from order_conflict where order_id = any(:order_ids);

-- name: write!
-- What later facts had ended, and is there again, is open again.
insert into order_conflict (public_id, order_id, package_id, kind, key, at, vehicle_ids, detail, found_at)
select public_id, order_id, package_id, kind, key, at,
       array(select jsonb_array_elements_text(vehicle_ids)::bigint), detail, :now
from jsonb_to_recordset(:found::jsonb) as found
     (public_id uuid, order_id bigint, package_id bigint, kind text, key text, at timestamptz, vehicle_ids jsonb,
      detail jsonb)
order by order_id, kind, key
on conflict (order_id, kind, key) do update set ended_at = null;

-- name: end!
update order_conflict c set ended_at = :now
from unnest(:order_ids::bigint[], :kinds::text[], :keys::text[]) as gone (order_id, kind, key)
where c.order_id = gone.order_id and c.kind = gone.kind and c.key = gone.key;

-- name: list
-- The conflicts of an order, or (null) those nobody has settled and nothing has ended, the newest first.
select c.public_id, o.public_id as order_public_id, o.number as order_number, p.code as package_code, c.kind, c.at,
       array(select v.label from unnest(c.vehicle_ids) with ordinality as named (vehicle_id, place)
             join vehicle v on v.vehicle_id = named.vehicle_id order by named.place) as vehicle_labels,
       c.detail, c.found_at, c.ended_at, c.settled_at, c.settled_by, c.reason_cipher
from order_conflict c
join orders o using (order_id)
left join package p on p.package_id = c.package_id
where (:depots::bigint[] is null or o.depot_id = any(:depots))
  and case when :order_id::bigint is null then c.ended_at is null and c.settled_at is null
           else c.order_id = :order_id end
order by c.found_at desc, c.order_conflict_id desc
limit :limit_rows;

-- name: settle$
update order_conflict c
set settled_at = :now, settled_by = :by, reason_cipher = :reason_cipher
from orders o
where o.order_id = c.order_id and c.public_id = :public_id and (:depots::bigint[] is null or o.depot_id = any(:depots))
returning c.order_id;
