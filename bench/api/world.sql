-- Orders under way, each on a truck of its own.
insert into depot (public_id, code, name) values (gen_random_uuid(), 'BENCH', 'bench');
create temporary table n as select generate_series(1, :orders) as i;
insert into vehicle (public_id, depot_id, label) select gen_random_uuid(), 1, 'V' || i from n order by i;
insert into device (public_id, depot_id, name, kind) select gen_random_uuid(), 1, 'trk-' || i, 'tracker' from n order by i;
insert into latest_position (vehicle_id, depot_id, device_id, device_time, received_at, lat, lon, speed_mps, heading_deg)
select i, 1, i, now(), now(), 31.1, 121.1, 15, 90 from n;
insert into trip (public_id, depot_id, vehicle_id, label, active, route_lats, route_lons)
select gen_random_uuid(), 1, i, 'T' || i, tstzrange(now() - interval '2 hours', now() + interval '6 hours'),
       array(select 31.0 + 0.3 * p / :points from generate_series(0, :points) p),
       array(select 121.0 - 0.4 * p / :points from generate_series(0, :points) p)
from n order by i;
insert into stop (trip_id, seq, name, kind, lat, lon, distance_m, name_index)
select i, 0, '上海', 'origin', 31.0, 121.0, 0, :from_index from n
union all select i, 1, '苏州', 'destination', 31.3, 120.6, 50000, :to_index from n;
insert into orders (public_id, depot_id, number, received_at, promised_at)
select gen_random_uuid(), 1, 'B' || i, now() - interval '5 hours', now() + interval '5 hours' from n order by i;
insert into order_stop (order_id, seq, kind, name_cipher, name_index)
select i, 0, 'origin', :from_cipher, :from_index from n
union all select i, 1, 'destination', :to_cipher, :to_index from n;
insert into package (order_id, code) select i, 'P' || i from n order by i;
insert into leg (order_id, trip_id, from_seq, to_seq, bound_by, bound_at)
select i, i, 0, 1, 'plan', now() - interval '3 hours' from n;
insert into milestone (order_id, stage, actual_at, deadline_at, done_packages, of_packages)
select i, stage, case when place < 5 then now() - interval '10 minutes' * (6 - place) end, now() + interval '5 hours',
       (place < 5)::int, 1
from n, unnest(array['received', 'picked', 'loaded', 'dispatched', 'out_for_delivery', 'arrived', 'delivered'])
        with ordinality as shown (stage, place);
insert into eta (trip_id, stop_id, computed_at, fix_at, p10_at, p50_at, p90_at)
select trip_id, stop_id, now(), now(), now() + interval '55 minutes', now() + interval '1 hour', now() + interval '70 minutes'
from stop where kind = 'destination';
insert into share_link (order_id, token_hash, expires_at)
select i, sha256(convert_to('bench-' || i || repeat('x', 40), 'UTF8')), now() + interval '1 day' from n;
