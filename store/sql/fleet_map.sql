-- name: vehicles
-- Vehicles that were ever seen, with the trip and the risk they have now. :vehicle_ids null: all of them.
with on_trip as (
    select vehicle_id, public_id
    from trip
    where active @> :now::timestamptz and cancelled_at is null
      and (:vehicle_ids::bigint[] is null or vehicle_id = any(:vehicle_ids))
), at_risk as (
    -- 'late' comes before 'late_risk'.
    select vehicle_id, min(kind) as kind
    from alert
    where cleared_at is null and resolved_at is null and kind in ('late', 'late_risk') and vehicle_id is not null
    group by vehicle_id
)
select v.vehicle_id, v.public_id, v.depot_id, v.label, p.lat, p.lon, p.heading_deg, p.speed_mps, p.device_time as at,
       e.expected_interval_s, t.public_id as trip_public_id, r.kind as risk
from latest_position p
join vehicle v using (vehicle_id)
join device e on e.device_id = p.device_id
left join on_trip t on t.vehicle_id = v.vehicle_id
left join at_risk r on r.vehicle_id = v.vehicle_id
where v.status <> 'retired'
  and (:vehicle_ids::bigint[] is null or v.vehicle_id = any(:vehicle_ids))
  and (:depots::bigint[] is null or v.depot_id = any(:depots))
order by v.vehicle_id;

-- name: concerned
-- The vehicles that alerts and trips are about.
select vehicle_id from alert where alert_id = any(:alert_ids::bigint[]) and vehicle_id is not null
union
select vehicle_id from trip where trip_id = any(:trip_ids::bigint[]);
