-- name: current_milestones
select order_id, stage, stop_seq, planned_at, deadline_at, actual_at, plus_minus_s, done_packages, of_packages,
       evidence_id, owner_role, superior_role, in_trouble
from milestone
where order_id = any(:order_ids);

-- name: drop_milestones!
delete from milestone
using unnest(:order_ids::bigint[], :stages::text[], :stop_seqs::integer[]) as gone (order_id, stage, stop_seq)
where milestone.order_id = gone.order_id and milestone.stage = gone.stage and milestone.stop_seq = gone.stop_seq;

-- name: write_milestones!
-- recorded_at is when the actual time as it now stands was first known.
insert into milestone (
    order_id, stage, stop_seq, planned_at, deadline_at, actual_at, plus_minus_s, done_packages, of_packages,
    evidence_id, owner_role, superior_role, in_trouble, recorded_at
)
select derived.*, :now
from unnest(
    :order_ids::bigint[], :stages::text[], :stop_seqs::integer[], :planned_ats::timestamptz[],
    :deadline_ats::timestamptz[], :actual_ats::timestamptz[], :plus_minus_s::float8[], :done_packages::integer[],
    :of_packages::integer[], :evidence_ids::bigint[], :owner_roles::text[], :superior_roles::text[],
    :in_troubles::boolean[]
) as derived (
    order_id, stage, stop_seq, planned_at, deadline_at, actual_at, plus_minus_s, done_packages, of_packages,
    evidence_id, owner_role, superior_role, in_trouble
)
order by order_id, stage, stop_seq
on conflict (order_id, stage, stop_seq) do update
set planned_at = excluded.planned_at, deadline_at = excluded.deadline_at, actual_at = excluded.actual_at,
    plus_minus_s = excluded.plus_minus_s, done_packages = excluded.done_packages,
    of_packages = excluded.of_packages, evidence_id = excluded.evidence_id, owner_role = excluded.owner_role,
    superior_role = excluded.superior_role, in_trouble = excluded.in_trouble,
    recorded_at = case
        when milestone.actual_at is distinct from excluded.actual_at then excluded.recorded_at
        else milestone.recorded_at
    end;

-- name: current_clocks
select order_id, clock, ends_with, owner_role, superior_role, started_at, warn_at, deadline_at, stopped_at, paused_s,
       paused_since
from order_clock
where order_id = any(:order_ids);

-- name: drop_clocks!
delete from order_clock
using unnest(:order_ids::bigint[], :clocks::text[]) as gone (order_id, clock)
where order_clock.order_id = gone.order_id and order_clock.clock = gone.clock;

-- name: write_clocks!
insert into order_clock (
    order_id, clock, ends_with, owner_role, superior_role, started_at, warn_at, deadline_at, stopped_at, paused_s,
    paused_since
)
select *
from unnest(
    :order_ids::bigint[], :clocks::text[], :ends_withs::text[], :owner_roles::text[], :superior_roles::text[],
    :started_ats::timestamptz[], :warn_ats::timestamptz[], :deadline_ats::timestamptz[],
    :stopped_ats::timestamptz[], :paused_s::float8[], :paused_sinces::timestamptz[]
)
order by 1, 2
on conflict (order_id, clock) do update
set ends_with = excluded.ends_with, owner_role = excluded.owner_role, superior_role = excluded.superior_role,
    started_at = excluded.started_at, warn_at = excluded.warn_at, deadline_at = excluded.deadline_at,
    stopped_at = excluded.stopped_at, paused_s = excluded.paused_s, paused_since = excluded.paused_since;

-- name: write_states
update orders
set state = derived.state, closed_at = derived.closed_at
from unnest(:order_ids::bigint[], :states::text[], :closed_ats::timestamptz[]) as derived (order_id, state, closed_at)
where orders.order_id = derived.order_id
  and (orders.state, orders.closed_at) is distinct from (derived.state, derived.closed_at)
returning orders.order_id;
