-- Published estimates, alerts, and what other processes should hear of.
create table eta (
    eta_id       bigint generated always as identity primary key,
    trip_id      bigint not null references trip,
    stop_id      bigint not null references stop,
    computed_at  timestamptz not null,
    fix_at       timestamptz,
    p50_at       timestamptz not null,
    p90_at       timestamptz not null check (p90_at >= p50_at)
);
create index eta_stop on eta (stop_id, computed_at desc);
create index eta_trip on eta (trip_id, computed_at desc);

-- One open alert per subject and kind. subject is 'vehicle:<id>', 'order:<id>', 'trip:<id>' or 'depot:<id>'.
create table alert (
    alert_id         bigint generated always as identity primary key,
    public_id        uuid not null unique,
    depot_id         bigint not null references depot,
    kind             text not null,
    subject          text not null,
    vehicle_id       bigint references vehicle,
    order_ids        bigint[] not null default '{}',
    severity         text not null check (severity in ('info', 'warning', 'critical')),
    opened_at        timestamptz not null,
    updated_at       timestamptz not null,
    cleared_at       timestamptz,
    clear_reason     text,
    acknowledged_at  timestamptz,
    acknowledged_by  text,
    detail           jsonb not null default '{}'
);
create unique index alert_open on alert (kind, subject) where cleared_at is null;
create index alert_opened on alert (opened_at desc);

-- What committed transactions say to the other processes; NOTIFY is only the nudge. Readers take rows whose
-- xid lies below their snapshot's xmin, so a slow transaction is never skipped.
create table change (
    change_id  bigint generated always as identity primary key,
    xid        xid8 not null default pg_current_xact_id(),
    at         timestamptz not null default now(),
    kind       text not null,
    ids        bigint[] not null
);
create index change_order on change (xid, change_id);
create index change_at on change (at);

-- Up to where ingest has worked changed fences, trips and assignments into the fold.
create table ingest_cursor (
    only_row   boolean primary key default true check (only_row),
    xid        xid8 not null,
    change_id  bigint not null
);

create table outbox (
    outbox_id     bigint generated always as identity primary key,
    kind          text not null,
    subject       text not null,
    dedup_key     text not null unique,
    body_cipher   bytea not null,
    created_at    timestamptz not null default now(),
    due_at        timestamptz not null,
    attempts      integer not null default 0,
    delivered_at  timestamptz,
    dead_at       timestamptz,
    last_error    text
);
create index outbox_due on outbox (due_at) where delivered_at is null and dead_at is null;

create table audit (
    audit_id       bigint generated always as identity primary key,
    at             timestamptz not null default now(),
    actor          text not null,
    action         text not null,
    subject        text not null,
    detail         jsonb not null default '{}'
);
