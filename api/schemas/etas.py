"""How published arrival estimates turned out."""

from __future__ import annotations

from api.schemas.base import Response, Time


class HorizonScore(Response):
    """Estimates told so many minutes ahead: errors in seconds, and the shares of arrivals they covered."""

    estimates: int
    mae_s: float
    bias_s: float
    coverage_p50: float
    coverage_p90: float


class Score(Response):
    """The score of a set of estimates; `kept_percent` is TransitApp's measure."""

    overall: HorizonScore
    by_horizon: dict[str, HorizonScore]
    wobble_s: float | None
    kept_percent: float | None


class EtaScores(Response):
    """The estimates of all arrivals in [since, until); `overall` is null where none has been scored."""

    since: Time
    until: Time
    overall: Score | None
    lanes: dict[str, Score]
