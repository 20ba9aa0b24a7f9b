-- Where orders go: what the check of an address came to, and the points that deliveries taught.

-- address_index: keyed hash of the address in its normal form. candidates: places it may mean.
alter table contact
    add column address_index      bytea,
    add column candidates_cipher  bytea;

-- What came of an order's address; the point itself is the contact's. division: GB/T 2260 code of the smallest one
-- it names. ask_at: when the geocoder is asked (again). taught_at: when its delivery was compared with it.
create table order_address (
    order_id         bigint primary key references orders,
    placement          text not null check (placement in ('given', 'learned', 'chosen', 'geocoded', 'pending', 'unplaced',
                                                      'review')),
    reason           text,
    division         text,
    placed_at        timestamptz not null,
    ask_at           timestamptz,
    attempts         integer not null default 0,
    corrected_at     timestamptz,
    delivered_off_m  double precision,
    taught_at        timestamptz
);
create index order_address_ask on order_address (ask_at) where ask_at is not null;
create index order_address_untaught on order_address (order_id) where taught_at is null;

-- Where parcels for an address were really handed over, last at scanned_at; the address itself is not kept.
create table known_point (
    address_index  bytea primary key,
    point_cipher   bytea not null,
    scanned_at     timestamptz not null,
    deliveries     integer not null default 1
);
