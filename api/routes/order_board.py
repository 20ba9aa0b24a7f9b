"""The open orders as a board of stages."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.auth import Staff
from api.schemas.order_board import Board, BoardCard, BoardColumn
from api.services import Api
from domain.happenings import State
from domain.milestones import Stage
from domain.orders import StopKind
from store import duties, etas, order_board
from store.etas import OrderEta
from store.order_board import Card, Carrier

router = APIRouter(prefix="/v1/orders", tags=["orders"])

MOST_OWNERS = 3
IN_DOUBT = frozenset({State.EXCEPTION, State.RETURNED, State.PENDING_INFO, State.ADDRESS_REVIEW})


@router.get("/board")
async def get_board(
    api: Api,
    principal: Staff,
    depot_id: UUID | None = None,
    q: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=100,
            pattern=r"^[^\x00-\x1f\x7f]+$",
            description="part of a number, or a whole reference or package code",
        ),
    ] = None,
    per_column: Annotated[int, Query(ge=1, le=100, description="most cards of a column")] = 20,
) -> Board:
    """A column for each stage with the number of orders that got that far, and the most urgent of them."""
    now = api.sources.clock()
    async with api.reading() as connection:
        cards = await order_board.cards(
            connection, principal, now, depot=depot_id, text=q, per_column=per_column
        )
        order_ids = [card.order_id for card in cards]
        published = await etas.latest_for_orders(connection, principal, order_ids)
        carriers = await order_board.carriers(connection, principal, order_ids, now)
        owners = await duties.holders(connection, principal)
    arrivals = {eta.order_id: eta for eta in published if eta.kind is StopKind.DESTINATION}
    by_stage = {stage: list(own) for stage, own in groupby(cards, key=lambda card: card.stage)}
    return Board(
        at=now,
        columns=[
            BoardColumn(
                stage=stage,
                orders=own[0].orders if own else 0,
                red=own[0].red if own else 0,
                cards=[
                    _card(
                        card,
                        arrivals.get(card.order_id),
                        carriers.get(card.order_id),
                        owners.get((card.depot_id, card.owner_role or ""), [])[:MOST_OWNERS],
                    )
                    for card in own
                ],
            )
            for stage, own in ((stage.value, by_stage.get(stage.value, [])) for stage in Stage)
        ],
    )


def _card(card: Card, arrival: OrderEta | None, carrier: Carrier | None, owners: list[str]) -> BoardCard:
    return BoardCard(
        id=card.public_id,
        number=card.number,
        colour="red" if card.is_red else "yellow" if card.closed_at is None else "green",
        state=card.state,
        exception=card.in_trouble or card.state in IN_DOUBT,
        priority=card.priority,
        customer_level=card.customer_level,
        clock=card.clock,
        deadline_at=card.deadline_at,
        owner_role=card.owner_role,
        owners=owners,
        promised_at=card.promised_at,
        p50_at=None if arrival is None else arrival.p50_at,
        p90_at=None if arrival is None else arrival.p90_at,
        vehicle_id=None if carrier is None else carrier.public_id,
        vehicle_label=None if carrier is None else carrier.label,
    )
