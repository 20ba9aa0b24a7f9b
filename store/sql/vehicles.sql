-- name: create$
insert into vehicle (public_id, depot_id, label, kind, status, capacity_kg, capacity_m3)
select :public_id, depot_id, :label, :kind, :status, :capacity_kg, :capacity_m3
from depot
where public_id = :depot and (:depots::bigint[] is null or depot_id = any(:depots))
returning vehicle_id;

-- name: internal_id$
select vehicle_id from vehicle
where public_id = :public_id and (:depots::bigint[] is null or depot_id = any(:depots));

-- name: labelled$
select public_id from vehicle where label = :label and (:depots::bigint[] is null or depot_id = any(:depots));

-- name: by_public_id^
select v.vehicle_id, v.public_id, d.public_id as depot_public_id, v.label, v.kind, v.status, v.capacity_kg,
       v.capacity_m3, p.device_time, p.received_at, p.lat, p.lon, p.speed_mps, p.heading_deg, p.accuracy_m,
       null::double precision as distance_m
from vehicle v
join depot d using (depot_id)
left join latest_position p using (vehicle_id)
where v.public_id = :public_id and (:depots::bigint[] is null or v.depot_id = any(:depots));

-- name: list_page
-- A box whose west lies east of its east crosses the antimeridian.
select v.vehicle_id, v.public_id, d.public_id as depot_public_id, v.label, v.kind, v.status, v.capacity_kg,
       v.capacity_m3, p.device_time, p.received_at, p.lat, p.lon, p.speed_mps, p.heading_deg, p.accuracy_m,
       null::double precision as distance_m
from vehicle v
join depot d using (depot_id)
left join latest_position p using (vehicle_id)
where (:depots::bigint[] is null or v.depot_id = any(:depots))
  and (:depot::uuid is null or d.public_id = :depot)
  and (:after::uuid is null or v.public_id > :after)
  and (:west::double precision is null or (
      p.lat between :south::double precision and :north::double precision
      and case when :west <= :east::double precision then p.lon between :west and :east
               else p.lon >= :west or p.lon <= :east end))
order by v.public_id
limit :limit_rows;

-- name: list_near
-- Great-circle distance on a sphere of 6,371,008.8 m (haversine).
select v.vehicle_id, v.public_id, d.public_id as depot_public_id, v.label, v.kind, v.status, v.capacity_kg,
       v.capacity_m3, p.device_time, p.received_at, p.lat, p.lon, p.speed_mps, p.heading_deg, p.accuracy_m,
       away.distance_m
from latest_position p
join vehicle v using (vehicle_id)
join depot d on d.depot_id = v.depot_id
cross join lateral (
    select 2 * 6371008.8 * asin(least(1, sqrt(
        sin(radians(p.lat - :lat::double precision) / 2) ^ 2
        + cos(radians(:lat)) * cos(radians(p.lat))
          * sin(radians(p.lon - :lon::double precision) / 2) ^ 2))) as distance_m
) as away
where (:depots::bigint[] is null or v.depot_id = any(:depots))
  and (:depot::uuid is null or d.public_id = :depot)
  and away.distance_m <= :radius_m::double precision
order by away.distance_m, v.public_id
limit :limit_rows;
