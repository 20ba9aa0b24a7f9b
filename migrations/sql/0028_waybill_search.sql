-- A carrier's number is what people have in hand.
create index orders_waybill on orders (waybill) where waybill is not null;
