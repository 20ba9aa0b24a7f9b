"""Staff's live news: which things changed."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request

from api.auth import Staff, while_admitted
from api.names import PublicNames
from api.problems import FieldProblem, Refused
from api.services import Api
from api.streams import EventStream, event_stream, staff_events
from store import changes
from store.changes import ChangeKind, Cursor

router = APIRouter(prefix="/v1/events", tags=["events"])


async def names(request: Request) -> PublicNames:
    """The application's memory of public ids."""
    known: PublicNames = request.app.state.public_names
    return known


@router.get("", response_class=EventStream)
async def follow_changes(
    request: Request,
    api: Api,
    principal: Staff,
    known: Annotated[PublicNames, Depends(names)],
    kind: Annotated[list[ChangeKind] | None, Query(description="only these; default: all")] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> EventStream:
    """An event per kind of thing that changed, its data `{"ids": […]}` with public ids.

    A position or crossing names vehicles, an eta trips, an assignment devices; the others name themselves.
    `reset` comes first when what happened since `Last-Event-ID` is forgotten: read everything again.
    """
    after = None if last_event_id is None else _cursor(last_event_id)
    forgotten = False
    if after is not None:
        async with api.reading() as connection:
            forgotten = not await changes.is_kept(connection, after)
    events = staff_events(
        api, known, principal, frozenset(kind or ()), None if forgotten else after, forgotten=forgotten
    )
    return event_stream(while_admitted(request, principal, events))


def _cursor(text: str) -> Cursor:
    try:
        return Cursor.parse(text)
    except ValueError as exc:
        detail = "Send the id of the last event received, or leave the header out."
        raise Refused(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            detail,
            errors=[FieldProblem(detail=detail, parameter="Last-Event-ID")],
        ) from exc
