-- name: endpoints
-- Partners' webhooks (role null) and those of roles inside.
select endpoint_id, depot_id, kind, role, events
from endpoint
where depot_id = any(:depot_ids::bigint[]) and disabled_at is null and kind = 'webhook';

-- name: write
-- Nothing where the recipient has heard of it, or will.
insert into notice (public_id, order_id, event, event_key, event_at, detail, recipient, channel, endpoint_id,
                    created_at, due_at, suppressed)
select public_id, order_id, event, event_key, event_at, detail, recipient, channel, endpoint_id, :now, due_at,
       suppressed
from jsonb_to_recordset(:notices::jsonb) as written
     (public_id uuid, order_id bigint, event text, event_key text, event_at timestamptz, detail jsonb,
      recipient text, channel text, endpoint_id bigint, due_at timestamptz, suppressed text)
order by order_id, event, event_key
on conflict (order_id, event, event_key, recipient, channel, endpoint_id) do nothing
returning order_id;

-- name: told_orders
select o.order_id, o.depot_id, o.contact_id, d.time_zone
from orders o
join depot d using (depot_id)
where o.order_id = any(:order_ids::bigint[]);

-- name: lease
-- The oldest that are due; nobody else sends them until the lease is over. A sender that dies lets them go. Those to
-- endpoints that fail come last: waiting for their answer must not hold up the others.
update notice
set leased_until = :until, attempts = attempts + 1
where notice_id in (
    select n.notice_id from notice n
    left join endpoint e using (endpoint_id)
    where n.sent_at is null and n.dead_at is null and n.suppressed is null and n.due_at <= :now::timestamptz
      and (n.leased_until is null or n.leased_until <= :now::timestamptz)
    order by e.failing_since is not null, n.due_at, n.notice_id
    limit :limit_rows
    for update of n skip locked
)
returning notice_id;

-- name: standing^
-- How many wait to be sent, how long the one longest due has waited, and how many were given up.
select count(*) filter (where dead_at is null) as waiting,
       coalesce(extract(epoch from :now::timestamptz - min(due_at) filter (where dead_at is null and due_at <= :now)), 0)
           as longest_due_s,
       count(*) filter (where dead_at is not null) as given_up
from notice
where sent_at is null and suppressed is null;

-- name: to_send
select n.notice_id, n.public_id, n.order_id, n.event, n.event_at, n.detail, n.recipient, n.channel, n.attempts,
       n.created_at, n.body_cipher, o.public_id as order_public_id, o.number, o.channel_reference, o.waybill, o.promised_at,
       o.contact_id, o.depot_id, o.state, d.time_zone, e.endpoint_id, e.url, e.secret_cipher,
       e.disabled_at is not null as disabled, eta.p50_at, eta.p90_at
from notice n
join orders o using (order_id)
join depot d on d.depot_id = o.depot_id
left join lateral (
    select * from endpoint
    where endpoint.endpoint_id = n.endpoint_id
       or (n.endpoint_id is null and endpoint.kind = n.channel and endpoint.depot_id = o.depot_id
           and endpoint.disabled_at is null)
    order by endpoint.endpoint_id
    limit 1
) as e on true
left join lateral (
    select eta.p50_at, eta.p90_at
    from order_trip_stop ots
    join eta on eta.stop_id = ots.stop_id
    where ots.order_id = n.order_id and ots.kind = 'destination'
    order by eta.computed_at desc
    limit 1
) as eta on true
where n.notice_id = any(:notice_ids::bigint[])
order by n.due_at, n.notice_id;

-- name: keep_body!
update notice set body_cipher = :body_cipher where notice_id = :notice_id;

-- name: log_delivery!
insert into delivery (notice_id, at, status, error) values (:notice_id, :at, :status, :error);

-- name: sent!
update notice set sent_at = :now, leased_until = null, last_error = null where notice_id = :notice_id;

-- name: retry!
update notice set due_at = :due_at, leased_until = null, last_error = :error where notice_id = :notice_id;

-- name: dead!
update notice set dead_at = :now, leased_until = null, last_error = :error where notice_id = :notice_id;

-- name: endpoint_works!
update endpoint set failing_since = null where endpoint_id = :endpoint_id and failing_since is not null;

-- name: endpoint_fails$
update endpoint set failing_since = coalesce(failing_since, :now) where endpoint_id = :endpoint_id
returning failing_since;

-- name: disable_endpoint!
update endpoint set disabled_at = coalesce(disabled_at, :now), disabled_reason = :reason
where endpoint_id = :endpoint_id;

-- name: replay$
-- A notice that was given up, or never sent, gets its turn again.
update notice
set dead_at = null, suppressed = null, sent_at = null, attempts = 0, due_at = :now, leased_until = null
where public_id = :public_id
  and order_id in (select order_id from orders where :depots::bigint[] is null or depot_id = any(:depots))
returning notice_id;

-- name: list_page
select n.public_id, o.public_id as order_public_id, o.number, n.event, n.event_at, n.recipient, n.channel,
       e.public_id as endpoint_public_id, n.created_at, n.due_at, n.attempts, n.sent_at, n.dead_at, n.suppressed,
       n.last_error
from notice n
join orders o using (order_id)
left join endpoint e on e.endpoint_id = n.endpoint_id
where (:depots::bigint[] is null or o.depot_id = any(:depots))
  and (:order_id::uuid is null or o.public_id = :order_id)
  and (not :only_dead::boolean or n.dead_at is not null)
order by n.notice_id desc
limit :limit_rows;

-- name: deliveries
select d.at, d.status, d.error
from delivery d
join notice n using (notice_id)
where n.public_id = :public_id
order by d.delivery_id;

-- name: is_visible$
select exists (
    select from notice n join orders o using (order_id)
    where n.public_id = :public_id and (:depots::bigint[] is null or o.depot_id = any(:depots)));

-- name: add_endpoint^
insert into endpoint (public_id, depot_id, kind, role, url, secret_cipher, events, created_at)
values (:public_id, :depot_id, :kind, :role, :url, :secret_cipher, :events, :now)
returning endpoint_id;

-- name: list_endpoints
select e.public_id, d.public_id as depot_public_id, e.kind, e.role, e.url, e.events, e.created_at, e.failing_since,
       e.disabled_at, e.disabled_reason
from endpoint e
join depot d using (depot_id)
where :depots::bigint[] is null or e.depot_id = any(:depots)
order by e.endpoint_id;

-- name: set_endpoint_enabled$
update endpoint
set disabled_at = case when :enabled then null else coalesce(disabled_at, :now) end,
    disabled_reason = case when :enabled then null else 'by hand' end,
    failing_since = case when :enabled then null else failing_since end
where public_id = :public_id and (:depots::bigint[] is null or depot_id = any(:depots))
returning endpoint_id;
