-- name: milestone_lags^
-- The lag of a milestone is the sum of three: until the device sent the fact that decided it (device), until
-- that came in (network), until the milestone was recorded (ours). All in seconds.
with recent as (
    select m.actual_at, m.recorded_at, e.source, string_to_array(e.source_key, '/') as key
    from milestone m
    join evidence e on e.evidence_id = m.evidence_id and e.source in ('scan', 'crossing')
    join orders o on o.order_id = m.order_id
    where m.recorded_at > :since and m.recorded_at <= :now and m.actual_at is not null
      and (:depots::bigint[] is null or o.depot_id = any(:depots))
), keyed as (
    select actual_at, recorded_at, source,
           key[1]::bigint as first_id,
           case source when 'scan' then key[3]::bigint end as content_hash,
           case source when 'crossing' then key[2]::bigint end as geofence_id,
           case source when 'crossing' then key[3] end as crossing_kind
    from recent
), traced as (
    select extract(epoch from recorded_at - actual_at)::float8 as lag_s,
           extract(epoch from fact.device_time - actual_at)::float8 as device_s,
           extract(epoch from fact.received_at - fact.device_time)::float8 as network_s,
           extract(epoch from recorded_at - fact.received_at)::float8 as ours_s
    from keyed
    cross join lateral (
        select s.device_time, s.received_at
        from scan s
        where keyed.source = 'scan' and s.device_id = keyed.first_id and s.device_time = keyed.actual_at
          and s.content_hash = keyed.content_hash
        union all
        select c.decided_at, min(p.received_at)
        from crossing c
        join device_assignment a on a.vehicle_id = c.vehicle_id and a.period @> c.decided_at
        join position p on p.device_id = a.device_id and p.device_time = c.decided_at
        where keyed.source = 'crossing' and c.vehicle_id = keyed.first_id and c.geofence_id = keyed.geofence_id
          and c.at = keyed.actual_at and c.kind = keyed.crossing_kind and c.superseded_at is null
        group by c.decided_at
    ) as fact
)
select count(*) as milestones,
       count(*) filter (where lag_s <= :promise_s) as in_time,
       percentile_cont(array[0.5, 0.99]) within group (order by lag_s) as lag_s,
       percentile_cont(array[0.5, 0.99]) within group (order by device_s) as device_s,
       percentile_cont(array[0.5, 0.99]) within group (order by network_s) as network_s,
       percentile_cont(array[0.5, 0.99]) within group (order by ours_s) as ours_s
from traced;
