-- Keys and references are their sender's own: two shippers may use the same, and neither learns of the other's.
alter table orders drop constraint orders_client_key_key;
drop index orders_channel_reference;
create unique index orders_client_key on orders (coalesce(shipper_id, 0), client_key) where client_key is not null;
create unique index orders_channel_reference on orders (coalesce(shipper_id, 0), channel, channel_reference)
    where channel_reference is not null;
