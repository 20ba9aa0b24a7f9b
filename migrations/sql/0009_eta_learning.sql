-- What drives have taught about arrivals, and how the estimates that were told turned out.

-- Weighted sums by road cell and hour; keys, slots and weights are those of geo/pace.py.
create table pace_cell (
    cell     bigint not null,
    slot     smallint not null check (slot between 0 and 47),
    seconds  double precision not null,
    weight   double precision not null,
    squares  double precision not null,
    primary key (cell, slot)
);

-- What each trip taught, kept for as long as late facts may change it: it is taken back and learned anew.
-- through_at: the newest commit of a fix that is in it.
create table pace_lesson (
    trip_id     bigint primary key references trip,
    through_at  timestamptz not null,
    cells       bigint[] not null,
    slots       smallint[] not null,
    seconds     double precision[] not null,
    weights     double precision[] not null,
    squares     double precision[] not null
);

-- raw_at and spread_s: the estimate before past errors had their say, and the spread expected then. arrived_at:
-- the truth, once it is known; null also after arrivals nobody saw.
alter table eta add column p10_at timestamptz;
alter table eta add column raw_at timestamptz;
alter table eta add column spread_s double precision check (spread_s > 0);
alter table eta add column arrived_at timestamptz;
create index eta_arrived on eta (arrived_at) where arrived_at is not null;
create index eta_computed on eta (computed_at);
