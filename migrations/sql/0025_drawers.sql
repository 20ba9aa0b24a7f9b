-- What is asked for beside one order or one device.
create index alert_orders on alert using gin (order_ids);
create index rejected_device on rejected (split_part(topic, '/', 3));
