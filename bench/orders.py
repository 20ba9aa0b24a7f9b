"""How long folding orders takes: `zaitu bench orders --json`.

One order's fold is everything that follows from its evidence: milestones, state, clocks with their deadlines.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import UTC, datetime, timedelta

from domain.account import account
from domain.happenings import Happening
from domain.milestones import Evidence, Kind, Stage
from domain.orders import Order, OrderStop, StopKind
from store import rules

_START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
_PACKAGES = 3
_WHOLE: tuple[Kind, ...] = (
    Stage.VERIFIED, Stage.STOCK_LOCKED, Stage.VEHICLE_ASSIGNED, Happening.AWAITING_TRANSFER,
    Happening.TRANSFER_ARRIVED, Happening.CUSTOMER_TOLD,
)  # fmt: skip
_EACH: tuple[Kind, ...] = (
    Stage.PICKED, Stage.PACKED, Stage.LOADED, Stage.DISPATCHED, Stage.AT_HUB, Stage.OUT_FOR_DELIVERY,
    Happening.ATTEMPT_FAILED, Stage.DELIVERED,
)  # fmt: skip


def main() -> None:
    """Fold many orders, one after another, in one process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    options = parser.parse_args()
    result = measure(options.orders)
    if options.json:
        print(json.dumps(result))  # noqa: T201
    else:
        print("\n".join(f"{name}: {value}" for name, value in result.items()))  # noqa: T201


def measure(orders: int) -> dict[str, float | int]:
    """Seconds to fold so many orders of 30 pieces of evidence each; making them is not counted.

    fold_cpu_s is processor time alone: far below fold_s, the machine was busy with something else.
    """
    shipped = rules.shipped()
    clocks = shipped.clocks_of("TM")
    calendars = rules.calendars(shipped, UTC)
    fold_s = fold_cpu_s = 0.0
    delivered = 0
    for number in range(orders):
        order, evidence = an_order(number)
        began, began_cpu = time.perf_counter(), time.process_time()
        known = account(order, evidence, clocks, calendars)
        fold_s += time.perf_counter() - began
        fold_cpu_s += time.process_time() - began_cpu
        delivered += known.closed_at is not None
    return {
        "orders": orders,
        "evidence_each": _PACKAGES * len(_EACH) + len(_WHOLE),
        "delivered": delivered,
        "fold_s": round(fold_s, 3),
        "fold_cpu_s": round(fold_cpu_s, 3),
        "orders_per_s": round(orders / fold_s),
    }


def an_order(number: int) -> tuple[Order, list[Evidence]]:
    """An order of three packages through a hub, with 30 pieces of evidence."""
    start = _START + timedelta(seconds=number)
    packages = tuple(number * _PACKAGES + n for n in range(_PACKAGES))
    stops = tuple(
        OrderStop(seq, kind, seq, None)
        for seq, kind in enumerate((StopKind.ORIGIN, StopKind.HUB, StopKind.DESTINATION))
    )
    order = Order(number, start, start + timedelta(hours=48), stops, packages, channel="TM")
    whole = [
        Evidence(kind, start + timedelta(minutes=10 * n), "api", str(n)) for n, kind in enumerate(_WHOLE, 1)
    ]
    each = [
        Evidence(
            kind,
            start + timedelta(hours=n, minutes=package - packages[0]),
            "scan",
            f"{package}/{n}",
            package_id=package,
            stop_seq=1 if kind is Stage.AT_HUB else -1,
        )
        for package in packages
        for n, kind in enumerate(_EACH, 2)
    ]
    return order, whole + each


if __name__ == "__main__":
    main()
