-- Scans on another vehicle than the order is meant for, or rides on.
alter table order_conflict drop constraint order_conflict_kind_check;
alter table order_conflict add constraint order_conflict_kind_check
    check (kind in ('two_vehicles', 'two_plans', 'wrong_vehicle', 'closed', 'maintenance', 'overload'));
