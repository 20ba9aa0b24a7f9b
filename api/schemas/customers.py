"""One customer's data, given out or erased."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import Field, model_validator

from api.schemas.base import Request, Response


class WhichCustomer(Request):
    """A customer by phone number, or by an order that goes to them; one of the two."""

    phone: str | None = Field(
        default=None, min_length=4, max_length=40, pattern=r"^[+() .-]*([0-9][+() .-]*){4,}$"
    )
    order_id: UUID | None = None

    @model_validator(mode="after")
    def _is_one(self) -> WhichCustomer:
        if (self.phone is None) == (self.order_id is None):
            raise ValueError("give either phone or order_id")
        return self


class Erasure(WhichCustomer):
    """Whose data to erase; also_open: orders under way, too, which nobody can deliver afterwards."""

    also_open: bool = False


class CustomerData(Response):
    """All that is kept of a customer."""

    contacts: list[dict[str, Any]]
    account: dict[str, Any] | None
    orders: list[dict[str, Any]]


class Erased(Response):
    """What was erased: how many contacts, of how many orders, and whether an account was closed."""

    contacts: int
    orders: int
    account: bool
