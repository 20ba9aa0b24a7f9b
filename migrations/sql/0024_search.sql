-- How people look orders up: by the beginning or the end of a number, and by the last four digits of a phone number
-- (a keyed hash of them, like phone_index).
create index orders_number_begins on orders (upper(number) text_pattern_ops);
create index orders_number_ends on orders (reverse(upper(number)) text_pattern_ops);
create index orders_reference on orders (channel_reference) where channel_reference is not null;

alter table contact add column phone_tail_index bytea;
create index contact_phone_tail on contact (phone_tail_index) where phone_tail_index is not null;
