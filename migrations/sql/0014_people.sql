-- People and partners who use the API, their sessions and keys, and whose orders are whose.

-- A customer's company that sends orders through a key or through people of its own.
create table shipper (
    shipper_id   bigint generated always as identity primary key,
    public_id    uuid not null unique,
    depot_id     bigint not null references depot,
    code         text not null unique check (code ~ '^[A-Za-z0-9_-]{1,32}$'),
    created_at   timestamptz not null,
    disabled_at  timestamptz
);

-- login is a pseudonym the company gives out, never an address or a name. sessions_from: tokens issued before it
-- are void. phone_*: a customer's number, by which its orders are found.
create table app_user (
    user_id        bigint generated always as identity primary key,
    public_id      uuid not null unique,
    login          text not null unique check (login ~ '^[a-z0-9][a-z0-9._-]{1,63}$'),
    role           text not null check (role in ('customer', 'shipper', 'driver', 'warehouse', 'customer_service',
                                                 'dispatcher', 'manager', 'admin')),
    password_hash  text,
    oidc_subject   text unique,
    name_cipher    bytea,
    phone_cipher   bytea,
    phone_index    bytea,
    superior_id    bigint references app_user,
    shipper_id     bigint references shipper,
    driver_id      bigint references driver,
    sessions_from  timestamptz not null,
    created_at     timestamptz not null,
    disabled_at    timestamptz,
    check ((role = 'shipper') = (shipper_id is not null)),
    check ((role = 'driver') = (driver_id is not null)),
    check ((role = 'customer') = (phone_index is not null))
);

create table user_depot (
    user_id   bigint not null references app_user,
    depot_id  bigint not null references depot,
    primary key (user_id, depot_id)
);

-- A refresh token is used once and replaced; one used twice was stolen, and ends its whole family.
create table refresh_token (
    token_hash  bytea primary key,
    family      uuid not null,
    user_id     bigint not null references app_user,
    issued_at   timestamptz not null,
    expires_at  timestamptz not null,
    used_at     timestamptz,
    revoked_at  timestamptz
);
create index refresh_token_family on refresh_token (family);
create index refresh_token_user on refresh_token (user_id);

create table api_key (
    api_key_id    bigint generated always as identity primary key,
    public_id     uuid not null unique,
    shipper_id    bigint not null references shipper,
    label         text not null,
    key_hash      bytea not null unique,
    scopes        text[] not null check (scopes <@ '{orders:read,orders:write,share_links:write}'),
    created_at    timestamptz not null,
    expires_at    timestamptz not null,
    revoked_at    timestamptz
);
create index api_key_shipper on api_key (shipper_id);

-- Guesses, by a hash of what was guessed at or of where they came from.
create table failed_attempt (
    subject       bytea primary key,
    failures      integer not null,
    began_at      timestamptz not null,
    locked_until  timestamptz
);

alter table orders add column shipper_id bigint references shipper;
create index orders_shipper on orders (shipper_id) where shipper_id is not null;
create index orders_contact on orders (contact_id) where contact_id is not null;
create index trip_driver on trip (driver_id) where driver_id is not null;
