-- name: note!
insert into enrolment as known (name, kinds, first_heard_at, last_heard_at)
select name, array[kind], :now::timestamptz, :now::timestamptz
from unnest(:names::text[], :kinds::text[]) as heard (name, kind)
on conflict (name) do update
set last_heard_at = greatest(known.last_heard_at, excluded.last_heard_at),
    kinds = array(select distinct kind from unnest(known.kinds || excluded.kinds) as kind order by 1);

-- name: waiting
-- By name, with how many payloads of each wait in the store. One that was added by hand meanwhile waits no more.
select e.name, e.kinds, e.first_heard_at, e.last_heard_at,
       (select count(*) from rejected r
        where split_part(r.topic, '/', 3) = e.name and r.usable_at is null
          and r.reason in ('pending_device', 'unknown_device')) as payloads
from enrolment e
where (:after::text is null or e.name > :after)
  and not exists (select from device d where d.name = e.name)
order by e.name
limit :limit_rows;

-- name: take^
delete from enrolment where name = :name returning name, kinds, first_heard_at, last_heard_at;

-- name: forget_old$
with gone as (
    delete from enrolment
    where name in (select name from enrolment where last_heard_at < :before limit :limit_rows)
    returning 1
)
select count(*) from gone;
