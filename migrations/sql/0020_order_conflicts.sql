-- What contradicts itself about an order: recorded, never decided by overwriting. ended_at: later facts resolved it.
create table order_conflict (
    order_conflict_id  bigint generated always as identity primary key,
    public_id          uuid not null unique,
    order_id           bigint not null references orders,
    package_id         bigint references package,
    kind               text not null check (kind in ('two_vehicles', 'two_plans', 'closed', 'maintenance', 'overload')),
    key                text not null,
    at                 timestamptz not null,
    vehicle_ids        bigint[] not null default '{}',
    detail             jsonb not null default '{}',
    found_at           timestamptz not null,
    ended_at           timestamptz,
    settled_at         timestamptz,
    settled_by         text,
    reason_cipher      bytea,
    unique (order_id, kind, key)
);
create index order_conflict_open on order_conflict (found_at) where ended_at is null and settled_at is null;
