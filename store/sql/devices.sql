-- name: create$
insert into device (public_id, depot_id, name, kind, datum, expected_interval_s, token_hash)
select :public_id, depot_id, :name, :kind, :datum, :expected_interval_s, :token_hash
from depot
where public_id = :depot and (:depots::bigint[] is null or depot_id = any(:depots))
returning device_id;

-- name: internal_id$
select device_id from device
where public_id = :public_id and (:depots::bigint[] is null or depot_id = any(:depots))
for update;

-- name: list_page
select e.device_id, e.public_id, d.public_id as depot_public_id, e.name, e.kind, e.datum, e.expected_interval_s,
       e.status, e.created_at, v.public_id as vehicle_public_id, a.operator, lower(a.period) as from_at,
       upper(a.period) as until_at
from device e
join depot d using (depot_id)
left join device_assignment a on a.device_id = e.device_id and a.period @> :now::timestamptz
left join vehicle v on v.vehicle_id = a.vehicle_id
where (:depots::bigint[] is null or e.depot_id = any(:depots))
  and (:only::uuid is null or e.public_id = :only)
  and (:after::uuid is null or e.public_id > :after)
order by e.public_id
limit :limit_rows;

-- name: end_open_assignment!
update device_assignment
set period = tstzrange(lower(period), :at::timestamptz)
where device_id = :device_id and upper_inf(period) and lower(period) < :at;

-- name: assign!
insert into device_assignment (device_id, vehicle_id, operator, period)
values (:device_id, :vehicle_id, :operator, tstzrange(:from_at::timestamptz, :until_at::timestamptz));

-- name: assignments
select v.public_id as vehicle_public_id, a.operator, lower(a.period) as from_at, upper(a.period) as until_at
from device_assignment a
join device e using (device_id)
left join vehicle v on v.vehicle_id = a.vehicle_id
where e.public_id = :public_id and (:depots::bigint[] is null or e.depot_id = any(:depots))
order by a.period;
