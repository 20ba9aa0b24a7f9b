"""What a customer sees of an order, made from what the store knows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import cast

import numpy as np
from numpy.typing import NDArray

from api.schemas.tracking import (
    TrackedMilestone,
    TrackedProof,
    TrackedStop,
    TrackedVehicle,
    TrackingView,
    WentWrong,
)
from api.schemas.trips import Eta
from domain.addresses import NoEta, Point, why_no_eta
from domain.alerts import AlertKind
from domain.happenings import State
from domain.milestones import Stage, colour
from domain.orders import StopKind
from domain.sharing import SharingRule, coarse, is_near, masked
from geo.distance import cumulative_m
from store import tracking
from store.pool import Connection
from store.proofs import Proof
from store.tracking import Ride, TrackedOrder, Way

ROUTE_POINTS = 200
_ROUTES_KEPT = 2000
_MOVED_BY_THE_CLOCK: dict[str, bool | set[str]] = {"as_of": True, "vehicle": {"freshness_s"}}

Route = list[tuple[float, float]]
# Two thousand routes as lists of tuples would be 45 MB.
KeptRoute = NDArray[np.float64]
Leg = tuple[int, int, int | None, int | None]


class TrackingViews:
    """Makes views, and remembers the recent legs' part of their trips' routes, thinned for a sketch."""

    def __init__(self) -> None:
        self._routes: OrderedDict[Leg, KeptRoute] = OrderedDict()

    async def view_of(
        self, connection: Connection, order: TrackedOrder, rule: SharingRule, now: datetime
    ) -> TrackingView:
        """The view of an order at a time; where its vehicle is only as exactly as the rule says."""
        return TrackingView(
            order_number=order.number,
            time_zone=order.time_zone,
            promised_at=order.promised_at,
            cancelled=order.cancelled_at is not None,
            late=_is_late(order, now),
            stops=_stops(order, now),
            milestones=[_milestone(milestone, now) for milestone in order.milestones],
            packages_done=_packages_done(order),
            packages_total=order.packages_total,
            state=State(order.state),
            went_wrong=cast(WentWrong | None, order.went_wrong),
            proofs=[_proof(proof) for proof in order.proofs],
            vehicle=None if order.ride is None else _vehicle(order, order.ride, rule, now),
            no_eta_reason=_why_no_eta(order),
            route=await self._route(connection, order),
            alerts=[AlertKind(kind) for kind in order.alert_kinds],
            as_of=now,
        )

    async def _route(self, connection: Connection, order: TrackedOrder) -> Route:
        if order.trip_id is None:
            return []
        leg = (order.order_id, order.trip_id, order.from_seq, order.to_seq)
        if leg not in self._routes:
            route = _own_part(await tracking.way(connection, *leg))
            self._routes[leg] = np.asarray(route, float).reshape(-1, 2)
            if len(self._routes) > _ROUTES_KEPT:
                self._routes.popitem(last=False)
        self._routes.move_to_end(leg)
        return [(lon, lat) for lon, lat in self._routes[leg].tolist()]


def entity_tag(view: TrackingView) -> str:
    """A weak entity tag: the same as long as nothing but the clock moved."""
    content = view.model_dump_json(exclude=_MOVED_BY_THE_CLOCK)
    return f'W/"{sha256(content.encode()).hexdigest()[:32]}"'


def _proof(proof: Proof) -> TrackedProof:
    return TrackedProof(
        at=proof.at,
        signed_by=None if proof.signed_by is None else masked(proof.signed_by),
        recorded=proof.proof is not None,
    )


def _delivered(order: TrackedOrder) -> tracking.TrackedMilestone | None:
    return next((m for m in order.milestones if m.stage == Stage.DELIVERED), None)


def _is_late(order: TrackedOrder, now: datetime) -> bool:
    """Not delivered by its promised time."""
    delivered = _delivered(order)
    delivered_at = delivered.actual_at if delivered else None
    return order.cancelled_at is None and (delivered_at or now) > order.promised_at


def _packages_done(order: TrackedOrder) -> int:
    """How many packages were delivered; of an order without packages the milestone counts one."""
    delivered = _delivered(order)
    return min(delivered.done_packages, order.packages_total) if delivered else 0


def _why_no_eta(order: TrackedOrder) -> NoEta | None:
    last = order.stops[-1].seq
    return why_no_eta(
        has_eta=any(eta.stop_seq == last for eta in order.etas),
        is_closed=order.is_closed,
        has_trip=bool(order.trip_ids),
        placing=order.placing,
    )


def _milestone(milestone: tracking.TrackedMilestone, now: datetime) -> TrackedMilestone:
    return TrackedMilestone(
        stage=Stage(milestone.stage),
        stop_seq=milestone.stop_seq,
        planned_at=milestone.planned_at,
        estimated_at=milestone.estimated_at,
        actual_at=milestone.actual_at,
        colour=colour(milestone.actual_at, milestone.deadline_at, now, in_trouble=milestone.in_trouble),
    )


def _stops(order: TrackedOrder, now: datetime) -> list[TrackedStop]:
    etas = {eta.stop_seq: Eta.model_validate(eta) for eta in order.etas}
    return [
        TrackedStop(
            seq=stop.seq,
            kind=StopKind(stop.kind),
            name=stop.name,
            lat=stop.lat,
            lon=stop.lon,
            planned_at=stop.planned_at,
            eta=etas.get(stop.seq),
            due=stop.seq in etas and etas[stop.seq].p50_at <= now,
        )
        for stop in order.stops
    ]


def _vehicle(order: TrackedOrder, ride: Ride, rule: SharingRule, now: datetime) -> TrackedVehicle:
    """Near the customer exactly where it is; before that about where, and not how it drives."""
    here = (ride.lat, ride.lon)
    near = rule.coarse_m == 0.0 or is_near(rule, here, _goal(order), _expected_at(order), now)
    lat, lon = here if near else coarse(here, rule.coarse_m)
    return TrackedVehicle(
        label=ride.label,
        lat=lat,
        lon=lon,
        approximate=not near,
        within_m=None if near else rule.coarse_m,
        heading_deg=ride.heading_deg if near else None,
        speed_mps=ride.speed_mps if near else None,
        at=ride.at,
        freshness_s=max((now - ride.at).total_seconds(), 0.0),
        stale=ride.is_stale(now),
    )


def _goal(order: TrackedOrder) -> Point | None:
    last = order.stops[-1]
    return None if last.lat is None or last.lon is None else (last.lat, last.lon)


def _expected_at(order: TrackedOrder) -> datetime | None:
    last = order.stops[-1].seq
    return next((eta.p50_at for eta in order.etas if eta.stop_seq == last), None)


def _own_part(way: Way) -> Route:
    """The part of a route between where the order gets on and off: the rest is about other people's."""
    if way.from_m is None or way.to_m is None or way.to_m <= way.from_m:
        return []
    lats, lons = np.asarray(way.lats, float), np.asarray(way.lons, float)
    along_m = cumulative_m(lats, lons)
    within = (along_m > way.from_m) & (along_m < way.to_m)
    at_m = np.concatenate([[way.from_m], along_m[within], [way.to_m]])
    return _thinned(np.interp(at_m, along_m, lats).tolist(), np.interp(at_m, along_m, lons).tolist())


def _thinned(lats: Sequence[float], lons: Sequence[float]) -> Route:
    """At most ROUTE_POINTS points of a route, evenly taken, with both ends; 5 decimals are about a metre."""
    count = len(lats)
    wanted = min(count, ROUTE_POINTS)
    places = [round(i * (count - 1) / (wanted - 1)) for i in range(wanted)]
    return [(round(lons[place], 5), round(lats[place], 5)) for place in places]
