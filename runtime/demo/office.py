"""The company around the fleet: people, customers, and orders in every stage that ride on nothing yet."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.access import Role
from runtime.demo import people
from runtime.demo.calls import ApiCalls
from runtime.demo.people import Login

_CUSTOMERS = (
    ("张伟", "138 0000 0001", "苏州工业园区星湖街 328 号", 31.3040, 120.7260),
    ("黄蓉", "138 0000 0002", "苏州市姑苏区人民路 1000 号", 31.3110, 120.6190),
    ("Emma Li", "138 0000 0003", "昆山市前进中路 219 号", 31.3850, 120.9580),
    ("吴磊", "138 0000 0004", "上海市闵行区七莘路 1507 号", 31.1390, 121.3510),
    ("孙悦", "138 0000 0005", "上海市嘉定区塔城路 400 号", 31.3780, 121.2520),
    ("何俊", "138 0000 0006", "无锡市新吴区长江路 16 号", 31.4960, 120.3690),
)
_GOODS = (
    ("KF-03", "咖啡机", "A3 220V"),
    ("BG-11", "办公椅", "黑色"),
    ("XS-27", "显示器", '27"'),
    ("CZ-60", "瓷砖", "600×600"),
)

_SAVED_AFTER_S = 25.0
_AGREED_LATER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Story:
    """How far an order has come: said happened so many minutes ago, in order; `more` is of the order."""

    received_min: float
    said: tuple[tuple[str, float], ...] = ()
    more: tuple[tuple[str, object], ...] = ()


def _sent(verified_min: float, dispatched_min: float) -> tuple[tuple[str, float], ...]:
    """What is said of an order up to its dispatch when everybody does their part in time."""
    return (
        ("verified", verified_min),
        ("stock_locked", verified_min - 20),
        ("vehicle_assigned", verified_min - 30),
        ("packed", verified_min - 150),
        ("dispatched", dispatched_min),
        ("customer_told", dispatched_min - 10),
    )


_STORIES = (
    _Story(12),
    _Story(55, more=(("tagged_urgent", True),)),
    _Story(70, (("verified", 49),)),
    _Story(140, (("verified", 95),), (("customer_level", "top"),)),
    _Story(200, (("verified", 150), ("stock_locked", 120), ("vehicle_assigned", 110))),
    _Story(400, (("verified", 350), ("stock_locked", 255), ("vehicle_assigned", 250))),
    _Story(300, (("verified", 280), ("stock_locked", 260), ("vehicle_assigned", 255), ("packed", 30))),
    _Story(90, more=(("items", []),)),
    _Story(45, more=(("hold_reason", "stock"),)),
    _Story(600, _sent(560, 52)),
    _Story(700, (*_sent(660, 300), ("exception", 20))),
    _Story(900, (*_sent(860, 500), ("attempt_failed", 35))),
    _Story(1500, (*_sent(1400, 900), ("delivered", 120))),
    _Story(1400, (*_sent(1300, 800), ("delivered", 650), ("surveyed", 60))),
)


class Office:
    """Fills the demo's depot from a thread of its own, while the fleet drives already."""

    def __init__(self, api: ApiCalls, run: str, depot_code: str, logins: Sequence[Login]) -> None:
        self._api = api
        self._run = run
        self._depot_code = depot_code
        self._logins = list(logins)
        self._stop = threading.Event()

    def close(self) -> None:
        """Let the work end after the request it is at."""
        self._stop.set()

    def open(self, orders: int) -> None:
        """Let people in, give customers to orders on the road, and take in so many more; OSError: refused."""
        page = self._api.get("/v1/depots")
        depot = next(one["id"] for one in page["items"] if one["code"] == self._depot_code)
        ids = people.let_in(self._api, depot, self._run, self._logins)
        self._give_customers(depot)
        self._give_driver(ids[Role.DRIVER], depot)
        for number in range(orders):
            if self._stop.is_set():
                return
            self._take_order(depot, number)
        self._save_a_late_one()

    def _save_a_late_one(self) -> None:
        """A dispatcher agrees on another time with the customers of a late truck: its alert clears."""
        if self._stop.wait(_SAVED_AFTER_S):
            return
        alerts = self._api.get("/v1/alerts?kind=late_risk&rank=savable&limit=1")["items"]
        for alert in alerts:
            path = f"/v1/alerts/{alert['id']}"
            self._api.post(f"{path}/acknowledge")
            self._api.post(f"{path}/notes", {"text": "已联系客户，改约时间。"})
            for order in alert["orders"]:
                promised = datetime.fromisoformat(order["p90_at"] or order["promised_at"]) + _AGREED_LATER
                wanted = {"promised_at": promised.isoformat(), "reason": "客户同意改约"}
                self._api.patch(f"/v1/orders/{order['id']}", wanted)

    def _give_customers(self, depot: str) -> None:
        """The first orders on the road have somebody waiting for them."""
        page = self._api.get(f"/v1/orders?open=true&limit={len(_CUSTOMERS)}&depot_id={depot}")
        for order, customer in zip(page["items"], _CUSTOMERS, strict=False):
            if not self._stop.is_set():
                self._api.patch(f"/v1/orders/{order['id']}", {"contact": _contact(customer)})

    def _give_driver(self, driver: str, depot: str) -> None:
        """One truck under way is driven by the driver who may log in."""
        now = datetime.now(UTC).isoformat().replace("+", "%2B")
        for trip in self._api.get(f"/v1/trips?active_at={now}&limit=50")["items"]:
            on_it = self._api.get(f"/v1/orders?trip_id={trip['id']}&open=true&limit=1")
            if trip["depot_id"] == depot and on_it["items"] and not self._stop.is_set():
                self._api.put(f"/v1/trips/{trip['id']}/driver", {"driver_id": driver})
                return

    def _take_order(self, depot: str, number: int) -> None:
        story = _STORIES[number % len(_STORIES)]
        # A minute or so apart, so that no two clocks run out together.
        now = datetime.now(UTC) - timedelta(seconds=11 * (number // len(_STORIES)))
        received = now - timedelta(minutes=story.received_min)
        sku, name, specification = _GOODS[number % len(_GOODS)]
        body: dict[str, Any] = {
            "depot_id": depot,
            "number": f"TM{self._run.upper()}{number:04d}",
            "channel": "TM",
            "channel_reference": f"TM-{self._run}-{number:04d}",
            "received_at": received.isoformat(),
            "ordered_at": received.isoformat(),
            "contact": _contact(_CUSTOMERS[number % len(_CUSTOMERS)]),
            "items": [{"sku": sku, "name": name, "specification": specification, "quantity": 1 + number % 3}],
            "packages": [{"code": f"TM{self._run.upper()}{number:04d}-1"}],
            **dict(story.more),
        }
        order = self._api.post("/v1/orders", body)["id"]
        for stage, ago_min in story.said:
            at = (now - timedelta(minutes=ago_min)).isoformat()
            said = {"stage": stage, "at": at, "source_key": stage, "actor": "ERP"}
            if stage in ("exception", "attempt_failed"):
                said["reason"] = "地址无人" if stage == "attempt_failed" else "外包装破损"
            if not self._stop.is_set():
                self._api.post(f"/v1/orders/{order}/evidence", said)


def _contact(customer: tuple[str, str, str, float, float]) -> dict[str, object]:
    name, phone, address, lat, lon = customer
    return {"name": name, "phone": phone, "address": address, "lat": lat, "lon": lon}
