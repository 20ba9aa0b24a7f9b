-- name: unlearned_trips
-- Trips within the refold horizon with fixes committed since they were learned, those never learned first. A
-- trip under way is learned anew only every few minutes.
select t.trip_id, t.vehicle_id, lower(t.active) as active_from,
       least(upper(t.active), :now) as active_to, d.time_zone, fresh.through_at
from trip t
join depot d on d.depot_id = t.depot_id
left join pace_lesson l on l.trip_id = t.trip_id
cross join lateral (
    select max(p.committed_at) as through_at
    from device_assignment a
    join position p on p.device_id = a.device_id and p.device_time <@ a.period
    where a.vehicle_id = t.vehicle_id
      and p.device_time >= greatest(lower(t.active), :since) and p.device_time < least(upper(t.active), :now)
) as fresh
where t.active && tstzrange(:since, :now) and t.cancelled_at is null
  and fresh.through_at > coalesce(l.through_at, '-infinity')
      + case when upper(t.active) > :now then interval '5 minutes' else interval '0' end
  and (:depots::bigint[] is null or t.depot_id = any(:depots))
order by l.through_at nulls first, t.trip_id
limit :limit_rows;

-- name: lesson_of^
select cells, slots, seconds, weights, squares from pace_lesson where trip_id = :trip_id;

-- name: keep_lesson!
insert into pace_lesson (trip_id, through_at, cells, slots, seconds, weights, squares)
values (:trip_id, :through_at, :cells::bigint[], :slots::smallint[], :seconds::float8[], :weights::float8[],
        :squares::float8[])
on conflict (trip_id) do update
set through_at = excluded.through_at, cells = excluded.cells, slots = excluded.slots,
    seconds = excluded.seconds, weights = excluded.weights, squares = excluded.squares;

-- name: add_to_cells!
insert into pace_cell (cell, slot, seconds, weight, squares)
select cell, slot, sum(seconds), sum(weight), sum(squares)
from unnest(:cells::bigint[], :slots::smallint[], :seconds::float8[], :weights::float8[], :squares::float8[])
     as taught (cell, slot, seconds, weight, squares)
group by cell, slot
order by cell, slot
on conflict (cell, slot) do update
set seconds = pace_cell.seconds + excluded.seconds, weight = pace_cell.weight + excluded.weight,
    squares = pace_cell.squares + excluded.squares;

-- name: cells
select cell, slot, seconds, weight, squares from pace_cell;

-- name: forget_lessons$
with gone as (
    delete from pace_lesson
    where trip_id in (
        select l.trip_id from pace_lesson l join trip t using (trip_id)
        where upper(t.active) < :before
        limit :limit_rows
    )
    returning 1
)
select count(*) from gone;

-- name: forget_cells$
-- What is below a weight goes, and, the faintest first, what exceeds the most that are kept.
with gone as (
    delete from pace_cell
    where (cell, slot) in (
        (select cell, slot from pace_cell where weight < :least_weight limit :limit_rows)
        union
        (select cell, slot from pace_cell order by weight
         limit least(:limit_rows, greatest(0, (select count(*) from pace_cell) - :most)))
    )
    returning 1
)
select count(*) from gone;

-- name: forget_etas$
with gone as (
    delete from eta
    where eta_id in (select eta_id from eta where computed_at < :before limit :limit_rows)
    returning 1
)
select count(*) from gone;

-- name: routes
select trip_id, route_lats, route_lons from trip where trip_id = any(:trip_ids::bigint[]);

-- name: stop_visits
-- When a trip's vehicle came into the fence of each of its stops, and left it, in order of time.
select c.geofence_id, c.kind, c.at
from trip t
join crossing c on c.vehicle_id = t.vehicle_id and c.at <@ t.active and c.superseded_at is null
where t.trip_id = :trip_id
order by c.at, c.crossing_id;

-- name: trip_stops
select s.stop_id, s.geofence_id, s.kind, s.distance_m, s.planned_departure_at
from stop s where s.trip_id = :trip_id order by s.seq;

-- name: tell_truth!
-- An estimate made after the arrival is about nothing; late facts may move an arrival.
update eta e
set arrived_at = truth.arrived_at
from unnest(:stop_ids::bigint[], :arrived_ats::timestamptz[]) as truth (stop_id, arrived_at)
where e.stop_id = truth.stop_id and e.computed_at < truth.arrived_at
  and e.arrived_at is distinct from truth.arrived_at;

-- name: errors
-- The newest scored estimates: epoch seconds of the arrival, time to go and error in seconds, expected spread.
select extract(epoch from arrived_at)::float8 as arrived_s,
       greatest(extract(epoch from raw_at - computed_at)::float8, 0) as to_go_s,
       extract(epoch from arrived_at - raw_at)::float8 as error_s, spread_s
from eta
where arrived_at > :since and raw_at is not null
order by arrived_at desc
limit :limit_rows;

-- name: scored
select t.depot_id, e.trip_id, e.stop_id, e.computed_at, e.p50_at, e.p90_at, e.arrived_at,
       first.name || ' - ' || last.name as lane
from eta e
join trip t on t.trip_id = e.trip_id
join stop first on first.trip_id = t.trip_id and first.seq = (
    select min(seq) from stop where stop.trip_id = t.trip_id)
join stop last on last.trip_id = t.trip_id and last.seq = (
    select max(seq) from stop where stop.trip_id = t.trip_id)
where e.arrived_at >= :since and e.arrived_at < :until
  and (:depots::bigint[] is null or t.depot_id = any(:depots))
order by e.stop_id, e.computed_at
limit :limit_rows;
