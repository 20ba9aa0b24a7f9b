-- name: vehicle
select vehicle_id as id, public_id, depot_id from vehicle where vehicle_id = any(:ids::bigint[]);

-- name: device
select device_id as id, public_id, depot_id from device where device_id = any(:ids::bigint[]);

-- name: geofence
select geofence_id as id, public_id, depot_id from geofence where geofence_id = any(:ids::bigint[]);

-- name: trip
select trip_id as id, public_id, depot_id from trip where trip_id = any(:ids::bigint[]);

-- name: order
select order_id as id, public_id, depot_id from orders where order_id = any(:ids::bigint[]);

-- name: alert
select alert_id as id, public_id, depot_id from alert where alert_id = any(:ids::bigint[]);

-- name: orders_of_alerts
select distinct unnest(order_ids) as order_id from alert where alert_id = any(:alert_ids::bigint[]);
