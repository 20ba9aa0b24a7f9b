-- What the company sells, where it says so; the carrier's number of an order.
create table product (
    sku            text primary key,
    name           text,
    specification  text
);
alter table orders add column waybill text;
