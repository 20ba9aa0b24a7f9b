-- When an alert was found, and whether that was too late to be news (opened_at: when it began); how often it came
-- back within the cooldown.
alter table alert
    add column found_at    timestamptz,
    add column found_late  boolean not null default false,
    add column reopened    integer not null default 0;
update alert set found_at = opened_at;
alter table alert alter column found_at set default now(), alter column found_at set not null;
create index alert_cleared on alert (kind, subject, cleared_at) where cleared_at is not null;
create index crossing_recorded on crossing (recorded_at) where superseded_at is null;
create index scan_received on scan (received_at) where lat is not null;
create index scan_device on scan (device_id, device_time) where lat is not null;

-- Great-circle distance (haversine) of two points in degrees. A difference whose square is too small for a number would
-- be an error: 1e-18 degrees, less than an atom, is added to each.
create function metres_between(lat1 double precision, lon1 double precision, lat2 double precision, lon2 double precision)
returns double precision
language sql immutable parallel safe
return 2 * 6371008.8 * asin(sqrt(
    sin(radians(lat2 - lat1 + 1e-18) / 2) ^ 2 + cos(radians(lat1)) * cos(radians(lat2)) * sin(radians(lon2 - lon1 + 1e-18) / 2) ^ 2
));
