-- Geofences (versioned), crossings, and planned trips with their progress.
create table geofence (
    geofence_id  bigint generated always as identity primary key,
    public_id    uuid not null unique,
    depot_id     bigint not null references depot,
    name         text not null,
    purpose      text not null
                 check (purpose in ('origin', 'hub', 'destination', 'depot', 'restricted', 'other')),
    created_at   timestamptz not null default now()
);

create table geofence_version (
    geofence_id  bigint not null references geofence,
    version      integer not null check (version > 0),
    valid        tstzrange not null check (not isempty(valid)),
    geometry     jsonb not null,
    repairs      jsonb not null default '[]',
    created_at   timestamptz not null default now(),
    primary key (geofence_id, version),
    exclude using gist (geofence_id with =, valid with &&)
);

-- decided_at is the device time of the fix that confirmed the crossing; `at` is when it happened.
create table crossing (
    crossing_id    bigint generated always as identity primary key,
    vehicle_id     bigint not null references vehicle,
    geofence_id    bigint not null references geofence,
    kind           text not null check (kind in ('inside', 'enter', 'exit')),
    at             timestamptz not null,
    plus_minus_s   double precision not null,
    decided_at     timestamptz not null,
    lat            double precision not null,
    lon            double precision not null,
    recorded_at    timestamptz not null default now(),
    superseded_at  timestamptz
);
create unique index crossing_current on crossing (vehicle_id, geofence_id, at, kind) where superseded_at is null;
create index crossing_decided on crossing (vehicle_id, decided_at) where superseded_at is null;

-- The fold's state of a vehicle after all its fixes up to `at`: a cache, safe to delete.
create table vehicle_checkpoint (
    vehicle_id      bigint not null references vehicle,
    at              timestamptz not null,
    engine_version  integer not null,
    state           bytea not null,
    recorded_at     timestamptz not null default now(),
    primary key (vehicle_id, at)
);

create table trip (
    trip_id       bigint generated always as identity primary key,
    public_id     uuid not null unique,
    depot_id      bigint not null references depot,
    vehicle_id    bigint not null references vehicle,
    driver_id     bigint references driver,
    label         text not null,
    active        tstzrange not null check (not isempty(active)),
    route_lats    double precision[] not null check (cardinality(route_lats) >= 2),
    route_lons    double precision[] not null check (cardinality(route_lons) = cardinality(route_lats)),
    cancelled_at  timestamptz,
    created_at    timestamptz not null default now(),
    exclude using gist (vehicle_id with =, active with &&) where (cancelled_at is null)
);

create table stop (
    stop_id               bigint generated always as identity primary key,
    trip_id               bigint not null references trip,
    seq                   integer not null check (seq >= 0),
    name                  text not null,
    kind                  text not null check (kind in ('origin', 'hub', 'destination')),
    geofence_id           bigint references geofence,
    lat                   double precision not null,
    lon                   double precision not null,
    distance_m            double precision not null check (distance_m >= 0),
    planned_arrival_at    timestamptz,
    planned_departure_at  timestamptz,
    service_s             double precision not null default 0 check (service_s >= 0),
    unique (trip_id, seq)
);
create index stop_geofence on stop (geofence_id);

create table trip_progress (
    trip_id              bigint primary key references trip,
    vehicle_id           bigint not null references vehicle,
    fix_at               timestamptz not null,
    distance_m           double precision not null,
    off_route_m          double precision not null,
    off_route_since      timestamptz,
    recent_pace_s_per_m  double precision,
    updated_at           timestamptz not null default now()
);
