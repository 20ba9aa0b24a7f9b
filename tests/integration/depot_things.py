"""One of each noun in a depot, for tests that ask every route for its own and for somebody else's things."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from access_world import PHONE, People, order_of
from api_world import NOON, ApiWorld

from store import enrolments
from store.cipher import Cipher
from store.rejected import REJECTED_CONTEXT

SOON = (NOON + timedelta(hours=1)).isoformat()
LATER = (NOON + timedelta(hours=5)).isoformat()
CIRCLE = {"type": "Point", "coordinates": [121.0, 31.0], "radius_m": 200}


QUERIES = {"GET /v1/search": {"q": "number"}, "GET /v1/codes": {"code": "number"}}
TOO_SHORT = ("rejected",)
"""What may be in a text by chance."""


@dataclass
class Things:
    """One of each noun in a depot; `path` fills in a route's path with them."""

    depot: str
    shipper: str
    vehicle: str
    device: str
    geofence: str
    trip: str
    order: str
    alert: str
    conflict: str
    endpoint: str
    notice: str
    key: str
    user: str
    rejected: str
    waiting: str
    driver: str
    login: str
    number: str
    reference: str
    package: str
    phone: str
    device_name: str
    token: str

    def path(self, name: str) -> tuple[str, dict[str, str]]:
        """The path of a route filled in, and the query it cannot do without."""
        values = {f"{noun}_id": value for noun, value in vars(self).items()}
        words = {"token": self.token, "name": self.waiting, "clock": "verified"}
        query = {field: getattr(self, noun) for field, noun in QUERIES.get(name, {}).items()}
        return name.partition(" ")[2].format(**values, **words), query

    def mentioned_in(self, text: str, *, besides: Things) -> list[str]:
        """Which of these a text mentions, besides what the others have as well."""
        return [
            noun
            for noun, value in vars(self).items()
            if value != getattr(besides, noun) and noun not in TOO_SHORT and value in text
        ]

    def body(self, name: str) -> Any:
        """A body the route takes, naming this depot's things."""
        stop = {"name": "a", "kind": "origin", "lat": 31.0, "lon": 121.0}
        stops = [stop, {**stop, "kind": "destination", "lat": 31.2}]
        new = uuid4().hex[:12]
        fence = {"depot_id": self.depot, "name": "n", "geometry": CIRCLE}
        said = {"stage": "packed", "at": NOON.isoformat(), "source_key": new}
        webhook = {"depot_id": self.depot, "kind": "webhook", "url": "https://example.org/x"}
        bodies: dict[str, Any] = {
            "POST /v1/users": {"login": f"u-{new}", "role": "warehouse", "depot_ids": [self.depot]},
            "PATCH /v1/users/{user_id}": {"depot_ids": [self.depot]},
            "POST /v1/me/password": {"old": "not this one", "new": "another password"},
            "POST /v1/shippers": {"depot_id": self.depot, "code": new},
            "POST /v1/api-keys": {"shipper_id": self.shipper, "label": "l", "scopes": ["orders:read"]},
            "POST /v1/customers/export": {"order_id": self.order},
            # Under way: found, and refused.
            "POST /v1/customers/erasure": {"order_id": self.order},
            "POST /v1/depots": {"code": new, "name": "n"},
            "POST /v1/vehicles": {"depot_id": self.depot, "label": new},
            "POST /v1/devices": {"depot_id": self.depot, "name": new, "kind": "tracker"},
            "POST /v1/devices/pending/{name}/approval": {"depot_id": self.depot},
            "POST /v1/devices/{device_id}/assignments": {
                "vehicle_id": self.vehicle,
                "from": SOON,
                "to": LATER,
            },
            "POST /v1/geofences": fence,
            "PUT /v1/geofences/{geofence_id}": {"name": "n", "geometry": CIRCLE, "purpose": "hub"},
            "POST /v1/trips": {
                "vehicle_id": self.vehicle,
                "label": "t",
                "active_from": SOON,
                "active_to": LATER,
                "stops": stops,
            },
            "PUT /v1/trips/{trip_id}/driver": {"driver_id": self.driver},
            "PUT /v1/catalogue": {"items": [{"sku": new}]},
            "POST /v1/orders": order_of(self.depot, PHONE),
            "POST /v1/orders/bulk": [order_of(self.depot, PHONE)],
            "PATCH /v1/orders/{order_id}": {"custom": True},
            "POST /v1/orders/{order_id}/address": {"lat": 31.0, "lon": 121.0},
            "POST /v1/orders/{order_id}/legs": {"trip_id": self.trip},
            "POST /v1/orders/{order_id}/clocks/{clock}/reason": {"reason": "r"},
            "POST /v1/orders/{order_id}/evidence": said,
            "POST /v1/orders/{order_id}/assignment": {"vehicle_id": self.vehicle},
            "POST /v1/devices/{device_id}/clock": {"offset_ms": 1000},
            "POST /v1/rejected/retry": {"reason": "bad_json"},
            "POST /v1/tasks/{order_id}/{clock}/done": {},
            "POST /v1/conflicts/{conflict_id}/settlement": {"reason": "r"},
            "POST /v1/endpoints": webhook,
            "POST /v1/alerts/{alert_id}/assign": {"to": "somebody"},
            "POST /v1/alerts/{alert_id}/snooze": {"until": LATER},
            "POST /v1/alerts/{alert_id}/resolve": {"cause": "handled"},
            "POST /v1/alerts/{alert_id}/notes": {"text": "t"},
        }
        return bodies.get(name)


async def things_in(world: ApiWorld, depot: str, shipper: str, phone: str, people: People) -> Things:
    label = uuid4().hex[:8]
    vehicle = await world.vehicle(depot, label)
    device = await world.post("/v1/devices", {"depot_id": depot, "name": label, "kind": "tracker"})
    fence = await world.fence(depot, label, 121.0, 31.0)
    stop = {"name": "上海", "kind": "origin", "lat": 31.0, "lon": 121.0}
    trip = await world.post(
        "/v1/trips",
        {
            "vehicle_id": vehicle,
            "label": label,
            "active_from": (NOON - timedelta(days=2)).isoformat(),
            "active_to": (NOON - timedelta(days=1)).isoformat(),
            "stops": [stop, {**stop, "kind": "destination", "name": "苏州", "lat": 31.3}],
        },
    )
    reference, package = f"R-{label}", f"P-{label}"
    named = {"number": f"N-{label}", "channel_reference": reference, "packages": [{"code": package}]}
    order = await world.post("/v1/orders", order_of(depot, phone, **named))
    login = f"driver-{label}"
    driver = {"login": login, "role": "driver", "depot_ids": [depot]}
    await world.post(f"/v1/orders/{order['id']}/legs", {"trip_id": trip["id"]})
    endpoint = await world.post(
        "/v1/endpoints", {"depot_id": depot, "kind": "webhook", "url": "https://example.org/x"}
    )
    key = await world.post(
        "/v1/api-keys",
        {"shipper_id": shipper, "label": "l", "scopes": ["orders:read"]},
    )
    waiting = f"new-{uuid4().hex[:8]}"
    alert, notice, conflict = (str(uuid4()) for _ in range(3))
    async with world.work() as work:
        run = work.connection.execute
        await run(
            "insert into alert (public_id, depot_id, kind, subject, severity, opened_at, updated_at) "
            "select $1, depot_id, 'stale', 'vehicle:' || vehicle_id, 'warning', $2, $2 from vehicle "
            "where public_id = $3",
            alert,
            NOON,
            vehicle,
        )
        await run(
            "insert into notice (public_id, order_id, event, event_key, event_at, recipient, channel, "
            "created_at, due_at, dead_at) "
            "select $1, order_id, 'delivered', 'k', $2, 'customer', 'sms', $2, $2, $2 from orders "
            "where public_id = $3",
            notice,
            NOON,
            order["id"],
        )
        await run(
            "insert into order_conflict (public_id, order_id, kind, key, at, found_at) "
            "select $1, order_id, 'closed', 'k', $2, $2 from orders where public_id = $3",
            conflict,
            NOON,
            order["id"],
        )
        rejected_id = await work.connection.fetchval(
            "insert into rejected (source, topic, item, reason, detail, payload_cipher, payload_bytes, "
            "payload_sha256, received_at, last_received_at) "
            "values ('mqtt', $1, -1, 'bad_json', 'd', $2, 1, $3, $4, $4) returning rejected_id",
            f"zaitu/v1/{label}/gps",
            Cipher(bytes(32)).encrypt(b"{", REJECTED_CONTEXT),
            label.encode(),
            NOON,
        )
        await enrolments.note(work.connection, [(waiting, "gps")], NOON)
        await run(
            "update orders set shipper_id = (select shipper_id from shipper where public_id = $1) "
            "where public_id = $2",
            shipper,
            order["id"],
        )
    return Things(
        depot=depot,
        shipper=shipper,
        vehicle=vehicle,
        device=device["id"],
        geofence=fence,
        trip=trip["id"],
        order=order["id"],
        alert=alert,
        conflict=conflict,
        endpoint=endpoint["id"],
        notice=notice,
        key=made_id(key),
        user=people.id("warehouse"),
        rejected=str(rejected_id),
        waiting=waiting,
        driver=made_id(await world.post("/v1/users", driver)),
        login=login,
        number=f"N-{label}",
        reference=reference,
        package=package,
        phone=phone,
        device_name=label,
        token="no-such-token",
    )


def made_id(made: Any) -> str:
    return str(made["id"])
