-- name: etas
-- What was published for the order's stops ahead, the newest first; arrived_at: when it really got there.
select ots.order_seq as stop_seq, ots.kind, e.computed_at, e.p10_at, e.p50_at, e.p90_at,
       coalesce(e.arrived_at, m.actual_at) as arrived_at
from order_trip_stop ots
join trip t on t.trip_id = ots.trip_id and t.cancelled_at is null
join eta e on e.trip_id = ots.trip_id and e.stop_id = ots.stop_id
left join milestone m on m.order_id = ots.order_id
     and m.stage = case ots.kind when 'origin' then 'dispatched' when 'hub' then 'at_hub' else 'arrived' end
     and m.stop_seq = case ots.kind when 'hub' then ots.order_seq else -1 end
where ots.order_id = :order_id and not ots.boards
order by e.computed_at desc, ots.order_seq
limit :limit_rows;

-- name: evidence
-- What was said of the order; a scan's private part is with the scan, which its source_key names.
select e.kind, e.at, e.source, e.stop_seq, e.recorded_at, p.code as package_code, e.private_cipher,
       s.private_cipher as scan_cipher, s.operator
from evidence e
left join package p on p.package_id = e.package_id
left join scan s on s.device_id = case e.source when 'scan' then split_part(e.source_key, '/', 1)::bigint end
     and s.device_time = e.at
     and s.content_hash = case e.source when 'scan' then split_part(e.source_key, '/', 3)::bigint end
where e.order_id = :order_id and e.retracted_at is null
order by e.at, e.evidence_id;

-- name: alerts
select public_id, kind, severity, opened_at, cleared_at, clear_reason, acknowledged_by
from alert
where order_ids @> array[:order_id::bigint]
order by opened_at, alert_id;
