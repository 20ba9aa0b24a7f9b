-- name: known_point$
select point_cipher from known_point where address_index = :address_index;

-- name: write!
insert into order_address (order_id, placement, reason, division, placed_at, ask_at, corrected_at)
values (:order_id, :placement, :reason, :division, :now, :ask_at, :corrected_at)
on conflict (order_id) do update
set placement = excluded.placement, reason = excluded.reason, division = excluded.division,
    placed_at = excluded.placed_at, ask_at = excluded.ask_at, attempts = 0,
    corrected_at = coalesce(order_address.corrected_at, excluded.corrected_at);

-- name: contact_key$
select public_id from contact where contact_id = :contact_id and erased_at is null;

-- name: write_contact!
-- A point that was given stays as it was written.
update contact
set address_index = :address_index, candidates_cipher = :candidates_cipher,
    point_cipher = coalesce(:point_cipher, point_cipher)
where contact_id = :contact_id;

-- name: of_order^
select a.placement, a.reason, a.division, a.placed_at, a.corrected_at, a.delivered_off_m,
       c.public_id as contact_public_id, c.candidates_cipher
from order_address a
join orders o using (order_id)
left join contact c on c.contact_id = o.contact_id and c.erased_at is null
where a.order_id = :order_id and (:depots::bigint[] is null or o.depot_id = any(:depots));

-- name: lease
-- Orders whose address is due for the geocoder; leased until `again`, so that two askers do not ask the same.
update order_address a
set ask_at = :again, attempts = attempts + 1
from (
    select order_id from order_address
    where ask_at <= :now
    order by ask_at
    limit :most
    for update skip locked
) as due
where a.order_id = due.order_id
returning a.order_id, a.attempts, a.division, (select contact_id from orders o where o.order_id = a.order_id) as contact_id;

-- name: put_off!
update order_address set ask_at = :ask_at, reason = :reason, placement = :placement
where order_id = :order_id and placement = 'pending';

-- name: still_pending$
-- Locks the order; nothing when somebody settled its address, or gave it another contact, meanwhile.
select o.order_id from orders o
join order_address a using (order_id)
where o.order_id = :order_id and o.contact_id = :contact_id and a.placement = 'pending'
for no key update of o;

-- name: handed_over
-- Deliveries scanned with a position that have not been compared with their address yet, the latest scan of each.
select distinct on (a.order_id) a.order_id, o.contact_id, s.device_time as scanned_at, s.lat, s.lon
from order_address a
join orders o using (order_id)
join evidence e on e.order_id = a.order_id and e.kind = 'delivered' and e.source = 'scan' and e.retracted_at is null
join lateral (select o.number as code union all select p.code from package p where p.order_id = a.order_id) as coded on true
join scan s on s.code = coded.code and s.action = 'deliver' and s.device_time = e.at and not s.too_late
where a.taught_at is null and s.lat is not null and s.lon is not null
order by a.order_id, s.device_time desc
limit :most;

-- name: taught!
update order_address set taught_at = :now, delivered_off_m = :delivered_off_m where order_id = :order_id;

-- name: address_index$
select address_index from contact where contact_id = :contact_id and erased_at is null;

-- name: teach!
-- The latest scan is believed: people move, and gates do.
insert into known_point (address_index, point_cipher, scanned_at)
values (:address_index, :point_cipher, :scanned_at)
on conflict (address_index) do update
set point_cipher = case when excluded.scanned_at >= known_point.scanned_at
                        then excluded.point_cipher else known_point.point_cipher end,
    scanned_at = greatest(excluded.scanned_at, known_point.scanned_at),
    deliveries = known_point.deliveries + 1;

-- name: report^
-- Orders with an address received since then, and how many of their addresses turned out wrong.
select count(*) as orders,
       count(*) filter (where a.corrected_at is not null) as corrected,
       count(*) filter (where a.delivered_off_m > :error_m) as delivered_elsewhere,
       count(*) filter (where a.corrected_at is not null or a.delivered_off_m > :error_m) as wrong,
       count(*) filter (where a.placement = 'review') as in_review,
       count(*) filter (where a.placement in ('pending', 'unplaced', 'review')) as without_point
from order_address a
join orders o using (order_id)
where o.received_at >= :since and (:depots::bigint[] is null or o.depot_id = any(:depots));
