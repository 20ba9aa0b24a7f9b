-- Vehicles all over the Yangtze delta, every one under way; one in fifty is at risk.
insert into depot (public_id, code, name) values (gen_random_uuid(), 'BENCH', 'bench');
create temporary table n as select generate_series(1, :vehicles) as i;
insert into vehicle (public_id, depot_id, label) select gen_random_uuid(), 1, 'V' || i from n order by i;
insert into device (public_id, depot_id, name, kind) select gen_random_uuid(), 1, 'trk-' || i, 'tracker' from n order by i;
insert into latest_position (vehicle_id, depot_id, device_id, device_time, received_at, lat, lon, speed_mps, heading_deg)
select i, 1, i, now(), now(), 29.5 + 4 * random(), 117.5 + 5 * random(), 15, floor(random() * 360) from n;
insert into alert (public_id, depot_id, kind, subject, vehicle_id, order_ids, severity, opened_at, updated_at)
select gen_random_uuid(), 1, case when i % 100 = 0 then 'late' else 'late_risk' end, 'vehicle:' || i, i, array[]::bigint[],
       'warning', now(), now()
from n where i % 50 = 0;
