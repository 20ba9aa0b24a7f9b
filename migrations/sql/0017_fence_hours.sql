-- When a fence is active, how near counts as an approach, and stops whose vehicle is due soon.
-- schedule: [{"days": ["mon", …], "from": "HH:MM", "to": "HH:MM"}, …] in the depot's zone; null: always.
alter table geofence_version
    add column schedule    jsonb check (jsonb_typeof(schedule) = 'array'),
    add column approach_m  double precision check (approach_m > 0);

-- approach: the vehicle came within approach_m of the fence.
alter table crossing drop constraint crossing_kind_check;
alter table crossing add check (kind in ('inside', 'enter', 'exit', 'approach'));

-- When the estimates first said that a stop is at most so many minutes ahead: history of what was known.
create table arriving_soon (
    stop_id      bigint primary key references stop on delete cascade,
    at           timestamptz not null,
    p50_at       timestamptz not null,
    within_min   double precision not null check (within_min > 0)
);
