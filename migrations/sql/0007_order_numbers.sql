-- The last serial given out for each day and channel, and what a client's key was first used for.
create table order_serial (
    prefix  text primary key,
    last    bigint not null
);

alter table orders add column client_hash bytea;
alter table orders add check ((client_key is null) = (client_hash is null));
