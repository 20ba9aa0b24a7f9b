"""Who may use which route: every route has a rule here, and the application does not start without one.

A rule names the roles; what they see of the data is decided by their depots, in every repository query.
Customers, shippers and drivers see single orders of their own: a rule that admits one of them says how.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from domain.access import OWNERS, Role, Scope

OwnBy = Literal["order", "list", "create", "nothing"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may use a route; an API key needs `scope` besides (None: no key will do).

    own: how owners' requests are narrowed: to the order in the path, to a list of theirs, to making new ones
    that are theirs, or not at all because the route shows nothing of anybody else's.
    """

    roles: frozenset[Role]
    scope: Scope | None = None
    own: OwnBy | None = None


PUBLIC = Rule(frozenset())
"""A route that asks for no login: what it needs to know is in the address, or it tells nothing."""

ADMIN = frozenset({Role.ADMIN})
MANAGERS = ADMIN | {Role.MANAGER}
PLANNERS = MANAGERS | {Role.DISPATCHER}
OFFICE = PLANNERS | {Role.CUSTOMER_SERVICE}
STAFF = OFFICE | {Role.WAREHOUSE}
SENDERS = OFFICE | {Role.SHIPPER}
ALL = STAFF | OWNERS

RULES: dict[str, Rule] = {
    "GET /health": PUBLIC,
    "GET /ready": PUBLIC,
    "GET /metrics": PUBLIC,
    "GET /": PUBLIC,
    "GET /track": PUBLIC,
    "GET /track/{token}": PUBLIC,
    "POST /v1/track/lookup": PUBLIC,
    "GET /work": PUBLIC,
    "GET /desk": PUBLIC,
    "GET /signin": PUBLIC,
    "GET /v1/config": PUBLIC,
    "GET /v1/track/{token}": PUBLIC,
    "GET /v1/track/{token}/events": PUBLIC,
    "POST /v1/token": PUBLIC,
    "GET /v1/oidc/login": PUBLIC,
    "GET /v1/oidc/callback": PUBLIC,
    "POST /v1/token/revocation": PUBLIC,
    "GET /v1/me": Rule(ALL, own="nothing"),
    "POST /v1/me/password": Rule(ALL, own="nothing"),
    "POST /v1/users": Rule(ADMIN),
    "GET /v1/users": Rule(ADMIN),
    "GET /v1/users/{user_id}": Rule(ADMIN),
    "PATCH /v1/users/{user_id}": Rule(ADMIN),
    "POST /v1/shippers": Rule(MANAGERS),
    "GET /v1/shippers": Rule(OFFICE),
    "POST /v1/api-keys": Rule(MANAGERS),
    "GET /v1/api-keys": Rule(MANAGERS),
    "POST /v1/api-keys/{key_id}/rotation": Rule(MANAGERS),
    "DELETE /v1/api-keys/{key_id}": Rule(MANAGERS),
    "POST /v1/customers/export": Rule(MANAGERS),
    "POST /v1/customers/erasure": Rule(MANAGERS),
    "POST /v1/depots": Rule(ADMIN),
    "GET /v1/depots": Rule(STAFF),
    "GET /v1/depots/{depot_id}": Rule(STAFF),
    "POST /v1/vehicles": Rule(MANAGERS),
    "GET /v1/vehicles": Rule(STAFF),
    "GET /v1/vehicles/{vehicle_id}": Rule(STAFF),
    "GET /v1/vehicles/{vehicle_id}/track": Rule(OFFICE),
    "GET /v1/vehicles/{vehicle_id}/stays": Rule(OFFICE),
    "GET /v1/vehicles/{vehicle_id}/detail": Rule(STAFF),
    "GET /v1/fleet/positions": Rule(STAFF),
    "GET /v1/fleet/events": Rule(STAFF),
    "POST /v1/devices": Rule(MANAGERS),
    "GET /v1/devices": Rule(STAFF),
    "GET /v1/devices/health": Rule(STAFF),
    "GET /v1/devices/pending": Rule(MANAGERS),
    "POST /v1/devices/pending/{name}/approval": Rule(MANAGERS),
    "GET /v1/devices/{device_id}": Rule(STAFF),
    "GET /v1/devices/{device_id}/health": Rule(STAFF),
    "POST /v1/devices/{device_id}/clock": Rule(MANAGERS),
    "POST /v1/devices/{device_id}/assignments": Rule(PLANNERS),
    "GET /v1/devices/{device_id}/assignments": Rule(PLANNERS),
    "GET /v1/rejected": Rule(MANAGERS),
    "GET /v1/rejected/{rejected_id}": Rule(MANAGERS),
    "POST /v1/rejected/retry": Rule(MANAGERS),
    "GET /v1/rejected-reasons": Rule(MANAGERS),
    "POST /v1/geofences": Rule(PLANNERS),
    "GET /v1/geofences": Rule(STAFF),
    "GET /v1/geofences/{geofence_id}": Rule(STAFF),
    "GET /v1/geofences/{geofence_id}/crossings": Rule(STAFF),
    "PUT /v1/geofences/{geofence_id}": Rule(PLANNERS),
    "DELETE /v1/geofences/{geofence_id}": Rule(PLANNERS),
    "POST /v1/trips": Rule(PLANNERS),
    "GET /v1/trips": Rule(STAFF),
    "GET /v1/trips/{trip_id}": Rule(STAFF),
    "POST /v1/trips/{trip_id}/cancel": Rule(PLANNERS),
    "PUT /v1/trips/{trip_id}/driver": Rule(PLANNERS),
    "PUT /v1/catalogue": Rule(ADMIN),
    "GET /v1/catalogue": Rule(STAFF),
    "POST /v1/orders": Rule(SENDERS, Scope.ORDERS_WRITE, own="create"),
    "POST /v1/orders/bulk": Rule(SENDERS, Scope.ORDERS_WRITE, own="create"),
    "GET /v1/orders": Rule(ALL, Scope.ORDERS_READ, own="list"),
    "GET /v1/orders/board": Rule(STAFF),
    "GET /v1/orders/{order_id}": Rule(ALL, Scope.ORDERS_READ, own="order"),
    "PATCH /v1/orders/{order_id}": Rule(SENDERS, Scope.ORDERS_WRITE, own="order"),
    "POST /v1/orders/{order_id}/cancellation": Rule(SENDERS, Scope.ORDERS_WRITE, own="order"),
    "POST /v1/orders/{order_id}/clocks/{clock}/reason": Rule(STAFF),
    "POST /v1/orders/{order_id}/address": Rule(OFFICE),
    "GET /v1/orders/{order_id}/audit": Rule(OFFICE),
    "GET /v1/orders/{order_id}/etas": Rule(STAFF),
    "GET /v1/orders/{order_id}/timeline": Rule(STAFF),
    "POST /v1/orders/{order_id}/legs": Rule(PLANNERS),
    "DELETE /v1/orders/{order_id}/legs/{trip_id}": Rule(PLANNERS),
    "POST /v1/orders/{order_id}/evidence": Rule(STAFF | {Role.DRIVER}, own="order"),
    "GET /v1/orders/{order_id}/candidates": Rule(PLANNERS),
    "POST /v1/orders/{order_id}/assignment": Rule(PLANNERS),
    "DELETE /v1/orders/{order_id}/assignment": Rule(PLANNERS),
    "GET /v1/orders/{order_id}/assignments": Rule(STAFF),
    "POST /v1/orders/{order_id}/share-links": Rule(SENDERS, Scope.SHARE_LINKS, own="order"),
    "DELETE /v1/orders/{order_id}/share-links": Rule(SENDERS, Scope.SHARE_LINKS, own="order"),
    "GET /v1/tasks": Rule(STAFF),
    "POST /v1/tasks/{order_id}/{clock}/done": Rule(STAFF),
    "GET /v1/codes": Rule(STAFF),
    "GET /v1/my/stops": Rule(frozenset({Role.DRIVER}), own="list"),
    "GET /v1/search": Rule(STAFF),
    "GET /v1/conflicts": Rule(STAFF),
    "POST /v1/conflicts/{conflict_id}/settlement": Rule(OFFICE),
    "POST /v1/endpoints": Rule(MANAGERS),
    "GET /v1/endpoints": Rule(MANAGERS),
    "POST /v1/endpoints/{endpoint_id}/enable": Rule(MANAGERS),
    "POST /v1/endpoints/{endpoint_id}/disable": Rule(MANAGERS),
    "GET /v1/notices": Rule(OFFICE),
    "GET /v1/notices/{notice_id}/deliveries": Rule(OFFICE),
    "POST /v1/notices/{notice_id}/replay": Rule(OFFICE),
    "GET /v1/alerts": Rule(STAFF),
    "GET /v1/alerts/precision": Rule(OFFICE),
    "POST /v1/alerts/{alert_id}/acknowledge": Rule(STAFF),
    "POST /v1/alerts/{alert_id}/assign": Rule(OFFICE),
    "POST /v1/alerts/{alert_id}/snooze": Rule(OFFICE),
    "POST /v1/alerts/{alert_id}/resolve": Rule(OFFICE),
    "POST /v1/alerts/{alert_id}/notes": Rule(STAFF),
    "GET /v1/etas/score": Rule(OFFICE),
    "GET /v1/events": Rule(STAFF),
    "GET /v1/reports/address-errors": Rule(OFFICE),
}


class MissingRule(Exception):
    """The routes and the rules do not agree: the application must not start."""


def names_of(route: APIRoute) -> list[str]:
    """What a route is called in the table: each of its methods and its path."""
    return [f"{method} {route.path}" for method in sorted((route.methods or set()) - {"HEAD"})]


def check(routes: Iterable[BaseRoute]) -> None:
    """Raise MissingRule unless every route has exactly one sound rule, and every rule a route."""
    named = [name for route in routes if isinstance(route, APIRoute) for name in names_of(route)]
    without = sorted(set(named) - RULES.keys())
    if without:
        raise MissingRule(f"api/access_rules.py says nothing of who may use: {', '.join(without)}.")
    idle = sorted(RULES.keys() - set(named))
    if idle:
        raise MissingRule(f"api/access_rules.py has rules for routes there are not: {', '.join(idle)}.")
    for name in named:
        _check_rule(name, RULES[name])


def _check_rule(name: str, rule: Rule) -> None:
    if bool(rule.roles & OWNERS) != (rule.own is not None):
        raise MissingRule(f"The rule of {name} must say how owners are narrowed, if it admits any.")
    if (rule.own == "order") > ("{order_id}" in name):
        raise MissingRule(f"The rule of {name} narrows to the order in a path that names none.")
