-- What people write about an order may name somebody: it is sealed. Columns in clear hold what was written before;
-- `zaitu keys rotate` seals it. A stop's place is compared by a keyed hash of its name.
alter table order_stop
    alter column name drop not null,
    add column name_cipher  bytea,
    add column name_index   bytea;
alter table stop add column name_index bytea;

-- {"actor": …, "reason": …} of what people and systems say; a scan's are with the scan.
alter table evidence add column private_cipher bytea;

alter table alert_note
    alter column text drop not null,
    add column text_cipher bytea;
alter table order_clock add column reason_cipher bytea;

create or replace view order_trip_stop as
select distinct l.order_id, l.trip_id, os.seq as order_seq, os.kind, os.seq = l.from_seq as boards, here.stop_id
from leg_in_force l
join order_stop os on os.order_id = l.order_id and os.seq between l.from_seq and l.to_seq
cross join lateral (
    select coalesce(min(s.seq), -1) as seq
    from stop s
    join order_stop boarding_os on boarding_os.order_id = l.order_id and boarding_os.seq = l.from_seq
    where s.trip_id = l.trip_id
      and (s.geofence_id = boarding_os.geofence_id
           or (boarding_os.geofence_id is null
               and (s.name_index = boarding_os.name_index or s.name = boarding_os.name)))
) as boarding
cross join lateral (
    select s.stop_id, s.seq
    from stop s
    where s.trip_id = l.trip_id
      and (s.geofence_id = os.geofence_id
           or (os.geofence_id is null and (s.name_index = os.name_index or s.name = os.name)))
      and (os.seq = l.from_seq or s.seq > boarding.seq)
    order by s.seq
    limit 1
) as here;
