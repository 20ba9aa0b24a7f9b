-- Facts as received. Identity of a fact: (device, device time as received, hash of its decoded content).
-- What the fold reads is double precision: folding again must see exactly what was folded first.
create table position (
    device_id     bigint not null,
    device_time   timestamptz not null,
    content_hash  bigint not null,
    received_at   timestamptz not null,
    committed_at  timestamptz not null default now(),
    seq           bigint,
    lat           double precision not null check (lat between -90 and 90),
    lon           double precision not null check (lon between -180 and 180),
    datum         text not null,
    alt_m         real,
    speed_mps     real,
    heading_deg   real,
    accuracy_m    double precision,
    too_late      boolean not null default false,
    primary key (device_id, device_time, content_hash)
);
select create_hypertable('position', by_range('device_time', interval '1 day'), create_default_indexes => false);

-- The newest committed fix time of each device: a fix that is newer cannot be a duplicate. This table and the next
-- change with every fix: pages filled by half only let PostgreSQL write the new row beside the old one, and leave the
-- indexes alone.
create table device_last_fix (
    device_id    bigint primary key references device,
    device_time  timestamptz not null,
    received_at  timestamptz not null,
    seq          bigint
) with (fillfactor = 50);

-- Where each vehicle was last seen: the newest fix that the fold believes.
create table latest_position (
    vehicle_id   bigint primary key references vehicle,
    depot_id     bigint not null references depot,
    device_id    bigint not null references device,
    device_time  timestamptz not null,
    received_at  timestamptz not null,
    lat          double precision not null,
    lon          double precision not null,
    speed_mps    real,
    heading_deg  real,
    accuracy_m   double precision
) with (fillfactor = 50);

-- Facts whose clock cannot be believed, kept apart until a correction is applied.
create table quarantine (
    quarantine_id   bigint generated always as identity primary key,
    device_id       bigint not null references device,
    kind            text not null check (kind in ('gps', 'scan', 'telemetry', 'status', 'cmd_ack')),
    device_time_ms  bigint not null,
    content_hash    bigint not null,
    received_at     timestamptz not null,
    reason          text not null,
    payload_cipher  bytea not null,
    corrected_time  timestamptz,
    processed_at    timestamptz,
    unique (device_id, kind, device_time_ms, content_hash)
);

-- vehicle is the label as sent; which vehicle that is, or which one the scanner rides on, is looked up when read.
-- signed_by, note and proof travel in private_cipher: they name people.
create table scan (
    scan_key        bigint generated always as identity primary key,
    device_id       bigint not null references device,
    device_time     timestamptz not null,
    content_hash    bigint not null,
    received_at     timestamptz not null,
    committed_at    timestamptz not null default now(),
    seq             bigint,
    scan_id         text not null,
    code            text not null,
    action          text not null,
    operator        text,
    vehicle         text,
    lat             double precision,
    lon             double precision,
    reason          text,
    private_cipher  bytea,
    too_late        boolean not null default false,
    unique (device_id, device_time, content_hash)
);
create index scan_code on scan (code, device_time);
create index scan_load on scan (device_time, device_id) where action = 'load';

create table reading (
    device_id     bigint not null,
    device_time   timestamptz not null,
    content_hash  bigint not null,
    kind          text not null check (kind in ('telemetry', 'status', 'cmd_ack')),
    received_at   timestamptz not null,
    committed_at  timestamptz not null default now(),
    seq           bigint,
    body          jsonb not null,
    too_late      boolean not null default false,
    primary key (device_id, device_time, content_hash)
);
select create_hypertable('reading', by_range('device_time', interval '1 day'), create_default_indexes => false);

-- What could not be used, with the reason: the first 64 KiB of it, and the payload's length and hash. `item` is
-- the place inside an array payload, of which that item alone is kept, or -1 for the payload as a whole.
create table rejected (
    rejected_id     bigint generated always as identity primary key,
    source          text not null check (source in ('mqtt', 'http')),
    topic           text not null,
    item            integer not null,
    reason          text not null,
    detail          text not null,
    payload_cipher  bytea not null,
    payload_bytes   bigint not null,
    payload_sha256  bytea not null,
    received_at     timestamptz not null,
    last_received_at timestamptz not null,
    times           bigint not null default 1,
    unique (topic, payload_sha256, item)
);
create index rejected_reason on rejected (reason, last_received_at);
