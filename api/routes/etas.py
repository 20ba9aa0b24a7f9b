"""How good the published arrival estimates have been."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import Staff
from api.schemas.etas import EtaScores, Score
from api.services import Api
from domain import estimates
from store import learning

router = APIRouter(prefix="/v1/etas", tags=["etas"])


@router.get("/score")
async def score_etas(
    api: Api, principal: Staff, days: Annotated[float, Query(gt=0, le=60, allow_inf_nan=False)] = 7.0
) -> EtaScores:
    """The estimates of the last days' arrivals, scored: overall, by lane, and by how far ahead they were."""
    until = api.sources.clock()
    since = until - timedelta(days=days)
    async with api.reading() as connection:
        scored = await learning.scored(connection, principal, since, until)
    overall = estimates.score(scored)
    return EtaScores(
        since=since,
        until=until,
        overall=None if overall is None else Score.model_validate(overall),
        lanes={lane: Score.model_validate(score) for lane, score in estimates.by_lane(scored).items()},
    )
