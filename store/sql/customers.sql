-- name: of_order^
-- The contact of an order, by its public id or its number.
select c.contact_id, c.phone_index
from orders o
join contact c using (contact_id)
where (o.public_id = :order_id or o.number = :number) and num_nonnulls(:order_id::uuid, :number::text) = 1
  and c.erased_at is null and (:depots::bigint[] is null or o.depot_id = any(:depots));

-- name: contacts
-- All contacts with a phone number, and one that may have none.
select contact_id
from contact
where (phone_index = :phone_index or contact_id = :contact_id) and erased_at is null
  and (:depots::bigint[] is null or depot_id = any(:depots))
order by contact_id;

-- name: account^
select user_id, public_id
from app_user
where role = 'customer' and phone_index = :phone_index;

-- name: orders
select o.order_id, o.public_id as id, o.number, o.channel, o.channel_reference, o.received_at, o.promised_at,
       o.cancelled_at, o.state, o.closed_at
from orders o
where o.contact_id = any(:contact_ids::bigint[])
order by o.order_id;

-- name: lock_orders
-- In id order, as everybody locks them. Open: not delivered, cancelled or closed.
select o.order_id, o.number,
       o.closed_at is null and o.cancelled_at is null and not exists (
           select from milestone m
           where m.order_id = o.order_id and m.stage = 'delivered' and m.actual_at is not null) as is_open
from orders o
where o.contact_id = any(:contact_ids::bigint[])
order by o.order_id
for no key update of o;

-- name: said
select kind, at, source, private_cipher, actor, reason
from evidence
where order_id = :order_id and retracted_at is null
order by at, evidence_id;

-- name: scans
select device_time as at, action, code, lat, lon, reason, private_cipher
from scan
where code in (select code from package where order_id = :order_id
               union all select number from orders where order_id = :order_id)
order by device_time, scan_key;

-- name: notices
select event, channel, created_at, sent_at, body_cipher
from notice
where order_id = :order_id and recipient = 'customer'
order by notice_id;

-- name: links
select created_at, expires_at, revoked_at from share_link where order_id = :order_id order by share_link_id;

-- name: alert_notes
select n.at, n.text_cipher, n.text
from alert a
join alert_note n using (alert_id)
where :order_id = any(a.order_ids)
order by n.alert_note_id;

-- name: conflict_reasons
select kind, at, reason_cipher from order_conflict where order_id = :order_id and reason_cipher is not null;

-- name: erase_known_points!
-- Where parcels for these addresses were handed over, unless somebody else gets theirs there.
delete from known_point k
where k.address_index in (select address_index from contact where contact_id = any(:contact_ids::bigint[]))
  and not exists (
      select from contact other
      where other.address_index = k.address_index and other.erased_at is null
        and other.contact_id <> all(:contact_ids));

-- name: erase_contacts!
update contact
set name_cipher = null, phone_cipher = null, address_cipher = null, point_cipher = null, email_cipher = null,
    candidates_cipher = null, phone_index = null, phone_tail_index = null, address_index = null, erased_at = :now
where contact_id = any(:contact_ids::bigint[]);

-- name: erase_stop_names!
-- A place's keyed hash stays: by it the order is found to have been there.
update order_stop set name = null, name_cipher = :name_cipher
where order_id = any(:order_ids::bigint[]) and kind = 'destination';

-- name: erase_evidence!
update evidence set private_cipher = null, actor = null, reason = null
where order_id = any(:order_ids::bigint[]) and num_nonnulls(private_cipher, actor, reason) > 0;

-- name: erase_scans!
update scan set private_cipher = null, reason = null, lat = null, lon = null
where code in (select code from package where order_id = any(:order_ids::bigint[])
               union all select number from orders where order_id = any(:order_ids));

-- name: erase_reasons!
with clocks as (
    update order_clock set reason = null, reason_cipher = null where order_id = any(:order_ids::bigint[])
), conflicts as (
    update order_conflict set reason_cipher = null where order_id = any(:order_ids)
), notes as (
    update alert_note n set text = null, text_cipher = null
    from alert a
    where a.alert_id = n.alert_id and a.order_ids && :order_ids
), notices as (
    update notice
    set body_cipher = null,
        suppressed = case when sent_at is null and dead_at is null then coalesce(suppressed, 'erased') else suppressed end
    where order_id = any(:order_ids) and recipient = 'customer'
), places as (
    update order_address set division = null, reason = null, ask_at = null where order_id = any(:order_ids)
)
update share_link set revoked_at = :now where order_id = any(:order_ids) and revoked_at is null;

-- name: erase_audit_reasons!
-- The audit keeps that and when something was changed; not in whose words.
delete from audit_reason r
using audit a, unnest(:order_ids::bigint[]) as erased (order_id)
where a.audit_id = r.audit_id and a.subject = 'order:' || erased.order_id;

-- name: change_reasons
select a.at, r.reason_cipher
from audit a
join audit_reason r using (audit_id)
where a.subject = 'order:' || :order_id::bigint
order by a.audit_id;

-- name: erase_request_hashes!
-- A hash of the whole request would let somebody who has the rest of it guess the name.
update orders set client_hash = sha256(convert_to(gen_random_uuid()::text, 'UTF8'))
where order_id = any(:order_ids::bigint[]) and client_hash is not null;

-- name: erase_account!
-- A customer's account needs a number to be found by: nobody has this one.
update app_user
set name_cipher = null, phone_cipher = null, password_hash = null, oidc_subject = null,
    phone_index = sha256(convert_to(gen_random_uuid()::text, 'UTF8')),
    disabled_at = coalesce(disabled_at, :now), sessions_from = :now
where user_id = :user_id;

-- name: end_sessions!
delete from refresh_token where user_id = :user_id;

-- name: quarantined_scans
select q.quarantine_id, q.payload_cipher
from quarantine q
join device d using (device_id)
where q.kind = 'scan' and (:depots::bigint[] is null or d.depot_id = any(:depots))
order by q.quarantine_id;

-- name: codes_of
select code from package where order_id = any(:order_ids::bigint[])
union all
select number from orders where order_id = any(:order_ids);

-- name: replace_quarantined!
update quarantine set payload_cipher = :payload_cipher where quarantine_id = :quarantine_id;
