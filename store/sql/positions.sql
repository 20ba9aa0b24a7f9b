-- name: track
-- One fix per instant: where a device sent several for the same time, the lowest content hash counts.
select distinct on (p.device_time)
       p.device_time as at, p.received_at, p.lat, p.lon, p.speed_mps, p.heading_deg, p.accuracy_m
from device_assignment a
join position p on p.device_id = a.device_id and p.device_time <@ a.period
join vehicle v on v.vehicle_id = a.vehicle_id
where a.vehicle_id = :vehicle_id
  and p.device_time >= :from_at and p.device_time < :until_at
  and (:after::timestamptz is null or p.device_time > :after)
  and (:depots::bigint[] is null or v.depot_id = any(:depots))
order by p.device_time, p.device_id, p.content_hash
limit :limit_rows;

-- name: track_sampled
-- The first fix of each stretch of :step_s seconds; one per instant as above.
select distinct on (floor(extract(epoch from p.device_time - :from_at::timestamptz) / :step_s::double precision))
       p.device_time as at, p.received_at, p.lat, p.lon, p.speed_mps, p.heading_deg, p.accuracy_m
from device_assignment a
join position p on p.device_id = a.device_id and p.device_time <@ a.period
join vehicle v on v.vehicle_id = a.vehicle_id
where a.vehicle_id = :vehicle_id
  and p.device_time >= :from_at and p.device_time < :until_at
  and (:depots::bigint[] is null or v.depot_id = any(:depots))
order by floor(extract(epoch from p.device_time - :from_at::timestamptz) / :step_s::double precision),
         p.device_time, p.device_id, p.content_hash;
