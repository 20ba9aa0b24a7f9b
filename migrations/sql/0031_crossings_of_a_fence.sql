-- A geofence's crossings are read newest first.
create index crossing_of_fence on crossing (geofence_id, at desc) where superseded_at is null;
