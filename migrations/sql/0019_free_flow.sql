-- What the routing engine says a trip's route takes when the roads are free; null where its route was given.
alter table trip add column free_flow_s double precision check (free_flow_s > 0);
