-- name: by_reason
select reason, count(*) as payloads, sum(times)::bigint as times, count(*) filter (where usable_at is not null) as usable,
       max(last_received_at) as last_received_at
from rejected
where :depots::bigint[] is null
   or split_part(topic, '/', 3) in (select name from device where depot_id = any(:depots))
group by reason
order by count(*) desc, reason;

-- name: list_page
-- Newest first. Payloads of unknown devices belong to no depot: only who may see all depots sees them.
select rejected_id, source, topic, item, reason, detail, payload_bytes, received_at, last_received_at, times,
       retry_asked_at, retried_at, usable_at
from rejected
where (:reason::text is null or reason = :reason)
  and (:device::text is null or split_part(topic, '/', 3) = :device)
  and (:before::bigint is null or rejected_id < :before)
  and (:depots::bigint[] is null
       or split_part(topic, '/', 3) in (select name from device where depot_id = any(:depots)))
order by rejected_id desc
limit :limit_rows;

-- name: payload_of^
select topic, payload_cipher, payload_bytes
from rejected
where rejected_id = :rejected_id
  and (:depots::bigint[] is null
       or split_part(topic, '/', 3) in (select name from device where depot_id = any(:depots)));

-- name: ask_retry
-- Only what was kept whole can be tried again; items of arrays are kept each by itself.
update rejected
set retry_asked_at = :now
where usable_at is null and (item >= 0 or octet_length(payload_cipher) - :longer_by::integer >= payload_bytes)
  and (:device::text is null or split_part(topic, '/', 3) = :device)
  and (:reason::text is null or reason = :reason)
  and (:rejected_ids::bigint[] is null or rejected_id = any(:rejected_ids))
  and (:depots::bigint[] is null
       or split_part(topic, '/', 3) in (select name from device where depot_id = any(:depots)))
returning rejected_id;

-- name: asked_for_retry
select rejected_id, topic, item, payload_cipher, received_at
from rejected
where retry_asked_at is not null
order by rejected_id
limit :limit_rows
for update;

-- name: settle_retried!
update rejected
set retry_asked_at = null, retried_at = :now, usable_at = case when tried.usable then :now::timestamptz end
from unnest(:rejected_ids::bigint[], :usables::boolean[]) as tried (rejected_id, usable)
where rejected.rejected_id = tried.rejected_id;
