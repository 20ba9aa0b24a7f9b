-- What somebody answers for, named as owners of clocks are; null: what the rules say of the role.
alter table app_user add column duties text[];

-- The board shows the open orders and those delivered lately, however many there ever were.
create index orders_open on orders (depot_id) where closed_at is null and cancelled_at is null;
create index orders_closed on orders (closed_at) where closed_at is not null;
