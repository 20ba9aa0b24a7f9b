"""Reports about how well things went."""

from __future__ import annotations

from pydantic import Field

from api.schemas.base import Response, Time


class AddressErrors(Response):
    """How many addresses turned out wrong: corrected by somebody, or delivered elsewhere; some both."""

    since: Time
    orders: int = Field(description="with an address, received since then")
    wrong: int
    corrected: int
    delivered_elsewhere: int = Field(description="farther than error_m from the address's point")
    in_review: int
    without_point: int
    error_rate: float
    error_m: float
    target: float
    meets_target: bool
