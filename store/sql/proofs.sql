-- name: of_order
-- What says that an order, or one of its packages, was handed over: scans with what they carry, and what was said.
select p.code as package_code, e.at, e.source, e.private_cipher, s.private_cipher as scan_cipher, s.lat, s.lon
from evidence e
join orders o using (order_id)
left join package p on p.package_id = e.package_id
left join scan s
  on s.device_id = case when e.source = 'scan' then split_part(e.source_key, '/', 1)::bigint end
 and s.device_time = e.at
 and s.content_hash = case when e.source = 'scan' then split_part(e.source_key, '/', 3)::bigint end
where e.order_id = :order_id and e.kind = 'delivered' and e.retracted_at is null
  and (:depots::bigint[] is null or o.depot_id = any(:depots))
order by e.at, e.evidence_id;
