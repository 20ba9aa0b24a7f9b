"""What follows from the evidence about orders, written where it differs: milestones, clocks, notices."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from domain.account import Account, account
from domain.clocks import ClockRun
from domain.milestones import Evidence, Milestone
from domain.notices import news_of
from store import conflicts, notices, rules
from store.notices import Told
from store.order_facts import OrderFacts
from store.pool import Connection
from store.queries import load
from store.unit_of_work import UnitOfWork

_queries = load("order_accounts")


async def write(
    work: UnitOfWork,
    known: Mapping[int, OrderFacts],
    now: datetime,
    *,
    approached: Collection[int] = frozenset(),
) -> int:
    """Fold what is known of these locked orders and write what differs; announces the orders that changed.

    approached: those of which something changed that is not written here.
    Returns how many milestones got, changed or lost their actual time.
    """
    in_force = await rules.in_force(work.connection)
    accounts = {
        order_id: account(
            facts.order,
            facts.evidence.values(),
            in_force.clocks_of(facts.order.channel),
            rules.calendars(in_force, facts.zone),
        )
        for order_id, facts in known.items()
    }
    changed = await _write_milestones(work.connection, known, accounts, now)
    touched = {order_id for order_id, _ in changed} | set(approached)
    touched |= await _write_clocks(work.connection, accounts)
    touched |= await _write_states(work.connection, accounts)
    closed = {order_id: known_now.closed_at for order_id, known_now in accounts.items()}
    touched |= await conflicts.write(work.connection, known, closed, now)
    told = [
        Told(
            order_id, known[order_id].depot_id, known[order_id].contact_id, known[order_id].zone, tuple(news)
        )
        for order_id in sorted(touched)
        if (news := news_of(accounts[order_id]))
    ]
    await notices.write(work.connection, in_force, told, now)
    work.tell("order", touched)
    return sum(moved for _, moved in changed)


async def _write_milestones(
    connection: Connection, known: Mapping[int, OrderFacts], accounts: Mapping[int, Account], now: datetime
) -> list[tuple[int, bool]]:
    """Write the milestones that differ; returns (order id, whether its actual time moved) for each."""
    stored = {
        (row["order_id"], row["stage"], row["stop_seq"]): tuple(row)[3:]
        async for row in _queries.current_milestones(connection, order_ids=list(known))
    }
    changed: list[tuple[int, bool]] = []
    rows: list[tuple[object, ...]] = []
    for order_id, facts in known.items():
        ids = {said: evidence_id for evidence_id, said in facts.evidence.items()}
        for milestone in accounts[order_id].milestones:
            key = (order_id, milestone.stage.value, milestone.stop_seq)
            values = _milestone_values(milestone, ids)
            before = stored.pop(key, None)
            if before != values:
                changed.append((order_id, (before[2] if before else None) != milestone.actual_at))
                rows.append((*key, *values))
    if stored:
        gone = sorted(stored)
        changed.extend(
            (order_id, stored[order_id, stage, seq][2] is not None) for order_id, stage, seq in gone
        )
        await _queries.drop_milestones(connection, **_columns(gone, ("order_ids", "stages", "stop_seqs")))
    if rows:
        await _queries.write_milestones(connection, now=now, **_columns(rows, _MILESTONE_COLUMNS))
    return changed


_MILESTONE_COLUMNS = (
    "order_ids", "stages", "stop_seqs", "planned_ats", "deadline_ats", "actual_ats", "plus_minus_s",
    "done_packages", "of_packages", "evidence_ids", "owner_roles", "superior_roles", "in_troubles",
)  # fmt: skip


def _milestone_values(milestone: Milestone, evidence_ids: Mapping[Evidence, int]) -> tuple[object, ...]:
    return (
        milestone.planned_at,
        milestone.deadline_at,
        milestone.actual_at,
        milestone.plus_minus_s,
        milestone.done_packages,
        milestone.of_packages,
        evidence_ids.get(milestone.decisive) if milestone.decisive else None,
        milestone.owner_role,
        milestone.superior_role,
        milestone.in_trouble,
    )


async def _write_clocks(connection: Connection, accounts: Mapping[int, Account]) -> set[int]:
    """Write the clocks that differ; returns their orders."""
    stored = {
        (row["order_id"], row["clock"]): tuple(row)[2:]
        async for row in _queries.current_clocks(connection, order_ids=list(accounts))
    }
    rows: list[tuple[object, ...]] = []
    touched: set[int] = set()
    for order_id, known in accounts.items():
        for run in known.clocks:
            values = _clock_values(run)
            if stored.pop((order_id, run.clock), None) != values:
                rows.append((order_id, run.clock, *values))
                touched.add(order_id)
    if stored:
        touched |= {order_id for order_id, _ in stored}
        await _queries.drop_clocks(connection, **_columns(sorted(stored), ("order_ids", "clocks")))
    if rows:
        await _queries.write_clocks(connection, **_columns(rows, _CLOCK_COLUMNS))
    return touched


_CLOCK_COLUMNS = (
    "order_ids", "clocks", "ends_withs", "owner_roles", "superior_roles", "started_ats", "warn_ats",
    "deadline_ats", "stopped_ats", "paused_s", "paused_sinces",
)  # fmt: skip


def _clock_values(run: ClockRun) -> tuple[object, ...]:
    return (
        run.end,
        run.owner,
        run.superior,
        run.started_at,
        run.warn_at,
        run.deadline_at,
        run.stopped_at,
        run.paused_s,
        run.paused_since,
    )


async def _write_states(connection: Connection, accounts: Mapping[int, Account]) -> set[int]:
    rows = _queries.write_states(
        connection,
        order_ids=list(accounts),
        states=[known.state.value for known in accounts.values()],
        closed_ats=[known.closed_at for known in accounts.values()],
    )
    return {row["order_id"] async for row in rows}


def _columns(rows: Sequence[Sequence[object]], names: Iterable[str]) -> dict[str, list[object]]:
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
