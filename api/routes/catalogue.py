"""The company's catalogue, which orders are checked against once it is loaded."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import Staff
from api.schemas.base import Page
from api.schemas.catalogue import CatalogueSize, NewCatalogue, Product
from api.services import Api, Limit
from store import audit, catalogue

router = APIRouter(prefix="/v1/catalogue", tags=["orders"])


@router.put("")
async def load_catalogue(new: NewCatalogue, api: Api, principal: Staff) -> CatalogueSize:
    """Put a catalogue in the place of the one there is; an empty one lets orders name any product again."""
    products = [catalogue.Product(item.sku, item.name, item.specification) for item in new.items]
    async with api.writing() as work:
        await catalogue.replace(work.connection, products)
        detail = {"products": len(products)}
        await audit.record(work.connection, principal, "load", "catalogue", detail, api.sources.clock())
    return CatalogueSize(products=len(products))


@router.get("")
async def read_catalogue(
    api: Api,
    principal: Staff,
    after: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
    limit: Limit = 100,
) -> Page[Product]:
    """The products by SKU."""
    async with api.reading() as connection:
        found = await catalogue.page(connection, after=after, limit=limit)
    items = [Product.model_validate(product) for product in found]
    return Page(items=items, next=found[-1].sku if len(found) == limit else None)
