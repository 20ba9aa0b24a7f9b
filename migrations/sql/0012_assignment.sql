-- Which vehicle an order was given to, and who took it away again. One at a time; legs tell what really rode where.
create table order_assignment (
    order_assignment_id  bigint generated always as identity primary key,
    order_id             bigint not null references orders,
    vehicle_id           bigint not null references vehicle,
    assigned_at          timestamptz not null,
    assigned_by          text not null,
    ended_at             timestamptz,
    ended_by             text
);
create unique index order_assignment_current on order_assignment (order_id) where ended_at is null;
create index order_assignment_vehicle on order_assignment (vehicle_id) where ended_at is null;
