-- How well devices are heard: the numbers of their facts that are missing, and clocks that were put right.

-- One numbering of facts per device and topic. missing: numbers between lowest and highest that never came;
-- written_off: how many more once were missing and are listed no longer.
create table numbering (
    device_id    bigint not null references device,
    kind         text not null check (kind in ('gps', 'scan', 'telemetry', 'status', 'cmd_ack')),
    lowest       bigint not null,
    highest      bigint not null check (highest >= lowest),
    newest_at    timestamptz,
    began_at     timestamptz,
    missing      int8multirange not null default '{}',
    written_off  bigint not null default 0 check (written_off >= 0),
    primary key (device_id, kind)
);

-- What is added to a device's times: offset_ms, and drift_ppm millionths of the time since reference_at on the
-- device's own clock. It holds for facts received in [applies_from, ended_at), and for those set apart before.
create table clock_correction (
    correction_id  bigint generated always as identity primary key,
    device_id      bigint not null references device,
    offset_ms      bigint not null,
    drift_ppm      double precision not null default 0,
    reference_at   timestamptz not null,
    reason         text not null,
    evidence       integer not null default 0,
    applies_from   timestamptz not null,
    ended_at       timestamptz check (ended_at >= applies_from)
);
create unique index clock_correction_open on clock_correction (device_id) where ended_at is null;

-- The device's time as received, where device_time is a corrected one.
alter table position add column reported_time timestamptz;
alter table scan add column reported_time timestamptz;
alter table reading add column reported_time timestamptz;

-- The correction a quarantined fact was last tried under.
alter table quarantine add column tried_correction_id bigint references clock_correction;
create index quarantine_waiting on quarantine (device_id) where processed_at is null;

-- A retry is asked for, then made by ingest; usable_at says that nothing of the payload was refused any more.
alter table rejected add column retry_asked_at timestamptz;
alter table rejected add column retried_at timestamptz;
alter table rejected add column usable_at timestamptz;
create index rejected_retry on rejected (rejected_id) where retry_asked_at is not null;
