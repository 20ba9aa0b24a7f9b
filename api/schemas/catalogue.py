"""What the company sells."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from api.schemas.base import Name, Request, Response

MOST_PRODUCTS = 100_000


class NewProduct(Request):
    """A product; its name and specification complete the orders that give only its SKU."""

    sku: Name
    name: Name | None = None
    specification: Name | None = None


class NewCatalogue(Request):
    """The whole catalogue: what it does not name is not sold."""

    items: list[NewProduct] = Field(max_length=MOST_PRODUCTS)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({item.sku for item in self.items}) != len(self.items):
            raise ValueError("every product needs an SKU of its own")
        return self


class Product(Response):
    """A product as the catalogue has it."""

    sku: str
    name: str | None
    specification: str | None


class CatalogueSize(Response):
    """How many products the catalogue has now."""

    products: int
