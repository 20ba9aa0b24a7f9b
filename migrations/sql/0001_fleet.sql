-- Depots, people, vehicles and devices: what facts are about.
create extension if not exists timescaledb;
create extension if not exists btree_gist;

create table depot (
    depot_id    bigint generated always as identity primary key,
    public_id   uuid not null unique,
    code        text not null unique check (code ~ '^[A-Za-z0-9_-]{1,32}$'),
    name        text not null,
    time_zone   text not null default 'Asia/Shanghai',
    created_at  timestamptz not null default now()
);

-- The only home of personal data. Every *_cipher column is AES-256-GCM under key `key_id`.
create table contact (
    contact_id      bigint generated always as identity primary key,
    public_id       uuid not null unique,
    depot_id        bigint not null references depot,
    key_id          smallint not null,
    name_cipher     bytea,
    phone_cipher    bytea,
    address_cipher  bytea,
    point_cipher    bytea,
    phone_index     bytea,
    created_at      timestamptz not null default now(),
    erased_at       timestamptz
);
create index contact_phone on contact (phone_index) where phone_index is not null;

create table driver (
    driver_id   bigint generated always as identity primary key,
    public_id   uuid not null unique,
    depot_id    bigint not null references depot,
    contact_id  bigint references contact,
    code        text not null unique,
    created_at  timestamptz not null default now()
);

create table vehicle (
    vehicle_id   bigint generated always as identity primary key,
    public_id    uuid not null unique,
    depot_id     bigint not null references depot,
    label        text not null unique,
    kind         text not null default 'truck',
    status       text not null default 'active' check (status in ('active', 'maintenance', 'retired')),
    capacity_kg  double precision check (capacity_kg >= 0),
    capacity_m3  double precision check (capacity_m3 >= 0),
    created_at   timestamptz not null default now()
);

create table device (
    device_id            bigint generated always as identity primary key,
    public_id            uuid not null unique,
    depot_id             bigint not null references depot,
    name                 text not null unique check (name ~ '^[A-Za-z0-9_-]{1,64}$'),
    kind                 text not null check (kind in ('tracker', 'scanner')),
    datum                text not null default 'wgs84' check (datum in ('wgs84', 'gcj02')),
    expected_interval_s  double precision not null default 30 check (expected_interval_s > 0),
    token_hash           bytea unique,
    status               text not null default 'active' check (status in ('active', 'pending', 'disabled')),
    created_at           timestamptz not null default now()
);

-- Which vehicle (or person) a device speaks for, and when.
create table device_assignment (
    assignment_id  bigint generated always as identity primary key,
    device_id      bigint not null references device,
    vehicle_id     bigint references vehicle,
    operator       text,
    period         tstzrange not null check (not isempty(period)),
    created_at     timestamptz not null default now(),
    check (num_nonnulls(vehicle_id, operator) = 1),
    exclude using gist (device_id with =, period with &&)
);
create index device_assignment_vehicle on device_assignment (vehicle_id);
