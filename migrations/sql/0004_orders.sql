-- Orders, their packages and legs, the evidence about them and the milestones derived from it.
create table orders (
    order_id           bigint generated always as identity primary key,
    public_id          uuid not null unique,
    depot_id           bigint not null references depot,
    number             text not null unique,
    channel            text not null default 'api',
    channel_reference  text,
    client_key         text unique,
    contact_id         bigint references contact,
    priority           text not null default 'regular' check (priority in ('urgent', 'high', 'regular', 'low')),
    received_at        timestamptz not null,
    promised_at        timestamptz not null,
    cancelled_at       timestamptz,
    created_at         timestamptz not null default now()
);
create unique index orders_channel_reference on orders (channel, channel_reference)
    where channel_reference is not null;
create index orders_promised on orders (promised_at);

create table order_stop (
    order_id     bigint not null references orders,
    seq          integer not null check (seq >= 0),
    kind         text not null check (kind in ('origin', 'hub', 'destination')),
    name         text not null,
    geofence_id  bigint references geofence,
    planned_at   timestamptz,
    primary key (order_id, seq)
);
create index order_stop_geofence on order_stop (geofence_id);

create table package (
    package_id  bigint generated always as identity primary key,
    order_id    bigint not null references orders,
    code        text not null unique,
    weight_kg   double precision check (weight_kg >= 0),
    volume_m3   double precision check (volume_m3 >= 0)
);
create index package_order on package (order_id);

-- What of an order rides on which trip, from which order stop to which, and since when.
-- package_id null: the whole order, as planned. Rows bound by scans are re-derived with the evidence.
create table leg (
    leg_id      bigint generated always as identity primary key,
    order_id    bigint not null references orders,
    package_id  bigint references package,
    trip_id     bigint not null references trip,
    from_seq    integer not null,
    to_seq      integer not null check (to_seq > from_seq),
    bound_by    text not null check (bound_by in ('plan', 'scan')),
    bound_at    timestamptz not null,
    unbound_at  timestamptz,
    unique nulls not distinct (order_id, package_id, trip_id, bound_by, bound_at)
);
create index leg_trip on leg (trip_id);

-- One thing somebody or something says about an order. Facts are never deleted: what a refold takes back is
-- retracted. source_key names the scan, crossing or client event it came from.
create table evidence (
    evidence_id   bigint generated always as identity primary key,
    order_id      bigint not null references orders,
    package_id    bigint references package,
    kind          text not null,
    stop_seq      integer,
    at            timestamptz not null,
    plus_minus_s  double precision not null default 0,
    source        text not null check (source in ('scan', 'crossing', 'api', 'manual')),
    source_key    text not null,
    actor         text,
    reason        text,
    recorded_at   timestamptz not null default now(),
    retracted_at  timestamptz
);
create unique index evidence_current on evidence (order_id, source, source_key, kind)
    where retracted_at is null;

-- stop_seq is the order stop for stages that happen at a place (at_hub), else -1.
-- The colour depends on the time of asking, so it is computed when read (domain.milestones.colour).
create table milestone (
    order_id       bigint not null references orders,
    stage          text not null,
    stop_seq       integer not null default -1,
    planned_at     timestamptz,
    estimated_at   timestamptz,
    actual_at      timestamptz,
    plus_minus_s   double precision,
    deadline_at    timestamptz,
    owner_role     text,
    superior_role  text,
    done_packages  integer not null default 0,
    of_packages    integer not null default 0,
    evidence_id    bigint references evidence,
    recorded_at    timestamptz not null default now(),
    primary key (order_id, stage, stop_seq)
);

create table share_link (
    share_link_id  bigint generated always as identity primary key,
    order_id       bigint not null references orders,
    token_hash     bytea not null unique,
    created_at     timestamptz not null default now(),
    expires_at     timestamptz not null,
    revoked_at     timestamptz
);
create index share_link_order on share_link (order_id);
