"""Staff's work: my tasks, confirming one, and what a scanned code names."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from api.auth import Staff
from api.intake import derive
from api.problems import Refused, unusable
from api.schemas.tasks import NamedCode, PendingStage, Task, TaskDone, Tasks
from api.services import Api, Limit, Services
from domain.access import Principal
from domain.happenings import Happening
from domain.milestones import Evidence, kind_of
from domain.tasks import minutes_over
from store import audit, duties, evidence, intake, order_views, orders, tasks
from store.errors import Conflict
from store.pool import Connection
from store.tasks import OrderTask

router = APIRouter(prefix="/v1", tags=["tasks"])

MOST_OF_AN_ORDER = 50


@router.get("/tasks")
async def list_tasks(api: Api, principal: Staff, limit: Limit = 100) -> Tasks:
    """The running clocks of my duties in my depots: as owner, and as superior those that are overdue."""
    now = api.sources.clock()
    async with api.reading() as connection:
        mine = await duties.of_principal(connection, principal)
        found = await tasks.running(connection, principal, mine, now, limit=limit)
        running, overdue = await tasks.counted(connection, principal, mine, now)
    return Tasks(at=now, running=running, overdue=overdue, items=[_task(one, mine, now) for one in found])


@router.post("/tasks/{order_id}/{clock}/done")
async def confirm_task(
    order_id: UUID,
    clock: Annotated[str, Path(max_length=64)],
    done: TaskDone,
    api: Api,
    principal: Staff,
) -> Task:
    """Say that a task is done: writes the evidence its clock waits for, as the person who says so.

    409 when it was done before, or the order must be completed first; 422 when it is overdue and no reason
    was given; 403 when it is somebody else's duty.
    """
    now = api.sources.clock()
    at = done.at or now
    if at > now:
        raise unusable("a task cannot have been done in the future", "/at")
    async with api.writing() as work:
        internal_id, _ = await orders.lock(work.connection, principal, order_id)
        mine = await duties.of_principal(work.connection, principal)
        found = await tasks.one(work.connection, principal, internal_id, clock)
        _refuse(found, mine, done, now)
        if found.task.is_overdue(now) and done.reason is not None:
            await _give_reason(work.connection, api, principal, internal_id, clock, done.reason, now)
        said = Evidence(
            kind=kind_of(found.task.ends_with),
            at=max(at, found.task.started_at),
            source="api",
            source_key=f"task:{clock}:{found.task.started_at.isoformat()}",
            actor=principal.name,
            reason=done.reason,
        )
        await evidence.add(work.connection, api.cipher, internal_id, said)
        await audit.record(
            work.connection, principal, "evidence", f"order:{internal_id}", {"kind": said.kind.value}, now
        )
        await derive(work, internal_id, now)
        return _task(replace(found, task=replace(found.task, stopped_at=said.at)), mine, now)


@router.get("/codes")
async def resolve_code(
    api: Api,
    principal: Staff,
    code: Annotated[str, Query(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")],
) -> NamedCode:
    """What a scanned or typed code names: an order or a package; my tasks with it, and what is next."""
    now = api.sources.clock()
    async with api.reading() as connection:
        named = await tasks.named_by(connection, principal, code.strip())
        mine = await duties.of_principal(connection, principal)
        own = await tasks.running(
            connection, principal, mine, now, order=named.public_id, limit=MOST_OF_AN_ORDER
        )
        milestones = await order_views.milestones_of(connection, principal, named.order_id)
        packages = await order_views.packages_of(connection, principal, named.order_id)
    return NamedCode(
        code=code.strip(),
        kind="order" if named.package_code is None else "package",
        order_id=named.public_id,
        order_number=named.number,
        order_state=named.state,
        package_code=named.package_code,
        packages=[package.code for package in packages],
        tasks=[_task(one, mine, now) for one in own],
        pending=[
            PendingStage(
                stage=one.stage,
                stop_seq=one.stop_seq,
                done_packages=one.done_packages,
                of_packages=one.of_packages,
            )
            for one in milestones
            if one.actual_at is None
        ],
    )


def _refuse(found: OrderTask, mine: frozenset[str] | None, done: TaskDone, now: datetime) -> None:
    task = found.task
    if not task.is_of(mine):
        raise Refused(
            HTTPStatus.FORBIDDEN,
            f"This task is the {task.owner_role}'s, and that is none of your duties.",
        )
    if task.stopped_at is not None:
        raise Conflict(f"The task {task.clock} was done at {task.stopped_at:%Y-%m-%d %H:%M} UTC already.")
    if task.ends_with == Happening.RESUBMITTED and found.missing:
        raise Conflict(
            f"The order still lacks {', '.join(found.missing)}: complete it (PATCH /v1/orders/{{id}}), "
            "and this task ends by itself."
        )
    if task.needs_reason(now) and done.reason is None:
        raise unusable(
            f"the task is {minutes_over(task, now)} min over its limit: say why it took longer", "/reason"
        )


async def _give_reason(
    connection: Connection,
    api: Services,
    principal: Principal,
    order_id: int,
    clock: str,
    reason: str,
    now: datetime,
) -> None:
    await intake.give_reason(
        connection, api.cipher, order_id, clock, reason=reason, by=principal.name, now=now
    )


def _task(found: OrderTask, mine: frozenset[str] | None, now: datetime) -> Task:
    task = found.task
    return Task(
        order_id=found.order_public_id,
        order_number=found.number,
        clock=task.clock,
        confirms=task.ends_with,
        owner_role=task.owner_role,
        superior=mine is not None and task.owner_role not in mine,
        priority=found.priority,
        order_state=found.state,
        missing=found.missing,
        started_at=task.started_at,
        warn_at=task.warn_at,
        deadline_at=task.deadline_at,
        colour=task.colour(now).value,
        overdue=task.is_overdue(now),
        reason_required=task.needs_reason(now),
        done_at=task.stopped_at,
    )
