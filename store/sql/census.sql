-- name: facts^
-- Rejected payloads count each time they came, and only those of a device that is known.
with mine as (
    select device_id, name from device where :depots::bigint[] is null or depot_id = any(:depots)
)
select (select count(*) from position join mine using (device_id)) as fixes,
       (select count(*) from scan join mine using (device_id)) as scans,
       (select count(*) from reading join mine using (device_id)) as readings,
       (select count(*) from quarantine join mine using (device_id) where processed_at is null) as quarantined,
       (select coalesce(sum(times), 0)::bigint
        from rejected
        join mine on mine.name = split_part(rejected.topic, '/', 3)) as rejected;

-- name: derived^
select (select count(*)
        from crossing
        join vehicle using (vehicle_id)
        where superseded_at is null
          and (:depots::bigint[] is null or depot_id = any(:depots))) as crossings,
       (select count(*)
        from milestone
        join orders using (order_id)
        where actual_at is not null
          and (:depots::bigint[] is null or depot_id = any(:depots))) as milestones,
       (select count(*)
        from alert
        where :depots::bigint[] is null or depot_id = any(:depots)) as alerts;

-- name: newest_milestones
select o.number, m.stage, s.name, s.name_cipher, m.actual_at, m.recorded_at
from milestone m
join orders o using (order_id)
left join order_stop s on s.order_id = m.order_id and s.seq = m.stop_seq
where m.actual_at is not null
  and (:depots::bigint[] is null or o.depot_id = any(:depots))
order by m.actual_at desc, o.number, m.stage
limit :limit_rows;
