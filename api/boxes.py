"""Boxes on the map, as they are written in a query."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Query

from api.problems import FieldProblem, Refused
from store.vehicles import Box

NUMBER = r"-?\d{1,3}(\.\d{1,15})?"

BoxText = Annotated[
    str | None,
    Query(pattern=rf"^{NUMBER}(,{NUMBER}){{3}}$", description="west,south,east,north in degrees"),
]


def box_of(bbox: str | None) -> Box | None:
    """Read `west,south,east,north`; Refused (422) for what lies nowhere."""
    if bbox is None:
        return None
    west, south, east, north = (float(number) for number in bbox.split(","))
    check_degrees("bbox", [west, east], [south, north])
    return Box(west=west, south=south, east=east, north=north)


def check_degrees(parameter: str, lons: list[float], lats: list[float]) -> None:
    """Refuse (422) degrees that lie nowhere, by the parameter's name."""
    if any(abs(lon) > 180 for lon in lons) or any(abs(lat) > 90 for lat in lats):
        detail = "longitudes lie within -180 and 180, latitudes within -90 and 90, longitude first"
        raise Refused(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"{parameter}: {detail}",
            errors=[FieldProblem(detail=detail, parameter=parameter)],
        )
