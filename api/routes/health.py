"""Is the process alive, can it serve, and what has it measured."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from api.openapi import problem
from api.problems import RETRY_AFTER_S, Refused
from api.schemas.base import Response as Answer
from api.services import Api
from store import schema

router = APIRouter(tags=["operation"])


class Health(Answer):
    """The process is up."""

    status: Literal["ok"] = "ok"


class Readiness(Answer):
    """The process can serve: its database answers and has the schema it was built for."""

    status: Literal["ready"] = "ready"
    migration: int


@router.get("/health")
async def health() -> Health:
    """Answers as long as the process runs."""
    return Health()


@router.get(
    "/ready", responses={HTTPStatus.SERVICE_UNAVAILABLE.value: problem(HTTPStatus.SERVICE_UNAVAILABLE)}
)
async def ready(request: Request, api: Api) -> Readiness:
    """Answers 200 when requests can be served, 503 with what is missing when not."""
    wanted: int = request.app.state.newest_migration
    async with api.reading() as connection:
        found = await schema.newest_migration(connection)
    if found < wanted:
        raise Refused(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"The database has migration {found} of {wanted}. Run `zaitu migrate`.",
            headers={"Retry-After": str(RETRY_AFTER_S)},
        )
    return Readiness(migration=found)


@router.get(
    "/metrics",
    response_class=Response,
    responses={HTTPStatus.OK.value: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(api: Api) -> Response:
    """What this process measured, for Prometheus."""
    return Response(generate_latest(api.metrics.registry), media_type=CONTENT_TYPE_LATEST)
