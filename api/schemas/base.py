"""Building blocks of every request and response: strict models, pages of a list, times and coordinates."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

Item = TypeVar("Item")


def _plausible(value: datetime) -> datetime:
    utc = value.astimezone(UTC)
    if not 2000 <= utc.year < 2100:
        raise ValueError("the time must lie between the years 2000 and 2100")
    return utc


Time = Annotated[AwareDatetime, AfterValidator(_plausible)]
Latitude = Annotated[float, Field(ge=-90, le=90, description="degrees, WGS-84")]
Longitude = Annotated[float, Field(ge=-180, le=180, description="degrees, WGS-84")]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
LongText = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]
PositiveSeconds = Annotated[float, Field(gt=0, le=86_400 * 366, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class Request(BaseModel):
    """What a client sends; an unknown field is an error, not a silent loss."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Response(BaseModel):
    """What the API answers."""

    model_config = ConfigDict(from_attributes=True)


class Page(Response, Generic[Item]):
    """One page of a list; pass `next` as `after` to get the following one, until it is null."""

    items: list[Item]
    next: str | None = None


class LineString(Request):
    """A GeoJSON LineString: positions are [longitude, latitude] in WGS-84 degrees."""

    type: str = Field("LineString", pattern="^LineString$")
    coordinates: list[tuple[Longitude, Latitude]] = Field(min_length=2, max_length=20_000)
