"""Plays archetypes of orders on the real database: API, scans, crossings and watch, by one injected clock."""

from __future__ import annotations

import base64
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, groupby
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from api_world import ApiWorld
from prometheus_client import CollectorRegistry

from domain.access import process_principal
from domain.crossings import Crossing, CrossingKind
from store import crossings, evidence, notices, rules
from store.cipher import Cipher
from store.unit_of_work import unit_of_work
from watch import deadlines, late
from watch.measures import WatchMeasures
from watch.sending import Sender
from watch.transports import Mail

ARCHETYPES = Path(__file__).parents[1] / "golden" / "orders"
BEGINNING = datetime.fromisoformat("2026-09-30T09:00:00+08:00").astimezone(UTC)
WATCH = process_principal("watch")
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
ADDRESS = "江苏省苏州市姑苏区观前街1号"
A_MOMENT = timedelta(seconds=1)


def archetypes() -> dict[str, dict[str, Any]]:
    """The archetypes by file name."""
    return {path.stem: tomllib.loads(path.read_text()) for path in sorted(ARCHETYPES.glob("*.toml"))}


def offset(text: str) -> timedelta:
    """`3h20m` as a time span."""
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?", text)
    assert found, text
    return timedelta(hours=int(found[1] or 0), minutes=int(found[2] or 0))


@dataclass
class Letters:
    """Transports that take everything."""

    posted: list[bytes] = field(default_factory=list)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        self.posted.append(body)
        return 200

    async def mail(self, mail: Mail) -> None:
        raise AssertionError("the rules as shipped send no e-mail")


@dataclass
class Played:
    """One order of the play."""

    script: dict[str, Any]
    start: datetime
    number: int
    places: dict[str, int] = field(default_factory=dict)
    trucks: dict[str, int] = field(default_factory=dict)
    public_id: str = ""
    order_id: int = 0

    def codes(self, package: int | None) -> list[str]:
        wanted = range(1, self.script["packages"] + 1) if package is None else [package]
        return [f"P{self.number}-{one}" for one in wanted]

    def at(self, text: str) -> datetime:
        return self.start + offset(text)


class Play:
    """Everything around the orders: one company, its database and its clock."""

    def __init__(self, world: ApiWorld, connection: Any) -> None:
        self.world = world
        self.connection = connection
        self.letters = Letters()
        self.measures = WatchMeasures(CollectorRegistry())
        self.hashes = count(1)
        self.numbers = count(1)
        tokens = count(1)
        self.sender = Sender(
            principal=WATCH,
            cipher=Cipher(bytes(32)),
            transports=self.letters,
            clock=world.clock,
            new_token=lambda: f"link-{next(tokens)}-{'y' * 32}",
            public_url="https://example.test",
        )
        self.depot_id = 0
        self.depot = ""
        self.outcomes: dict[int, Any] = {}
        self.seen: list[tuple[Played, dict[str, Any], Any]] = []

    async def begin(self, at: datetime) -> None:
        """The company before its first order."""
        self.world.clock.now = at
        self.depot = await self.world.depot("SZ1")
        self.depot_id = await self.connection.fetchval("select depot_id from depot")
        await self.connection.execute(
            "insert into device (public_id, depot_id, name, kind)"
            " values (gen_random_uuid(), $1, 'scanner', 'scanner')",
            self.depot_id,
        )
        await self._endpoint("sms", None, at)
        for role in sorted(
            {role for clock in rules.shipped().clocks for role in (clock.owner, clock.superior)}
        ):
            await self._endpoint("webhook", role, at)

    async def _endpoint(self, kind: str, role: str | None, at: datetime) -> None:
        """Where customers' notices go, or a role's."""
        async with unit_of_work(self.connection) as work:
            await notices.add_endpoint(
                work.connection,
                public_id=uuid4(),
                depot_id=self.depot_id,
                kind=kind,
                role=role,
                url=f"http://127.0.0.1:1/{role or kind}",
                secret_cipher=notices.sealed_secret(Cipher(bytes(32)), SECRET),
                events=[],
                now=at,
            )

    async def history(self, channel: str, each_weekday: int, today: int, at: datetime) -> None:
        """Orders a channel had before."""
        days = [(week * 7, each_weekday) for week in range(1, 5)] + [(0, today)]
        for days_ago, orders in days:
            for n in range(orders):
                placed_at = at - timedelta(days=days_ago, minutes=n + 1)
                await self.connection.execute(
                    "insert into orders (public_id, depot_id, number, channel, received_at, promised_at,"
                    " state, closed_at) values (gen_random_uuid(), $1, $2, $3, $4,"
                    " $4::timestamptz + interval '2 d', 'delivered', $4)",
                    self.depot_id,
                    f"OLD-{placed_at:%d%H%M}-{days_ago}",
                    channel,
                    placed_at,
                )

    async def run(self, orders: Sequence[Played]) -> None:
        """Everything that happens, in the order in which it becomes known, and watch in between."""
        moments: list[tuple[datetime, int, Any]] = []
        for order in orders:
            moments.append((order.start, 0, (self._place, order, None)))
            for event in order.script.get("event", ()):
                heard_at = order.at(event.get("heard", event["at"]))
                moments.append((heard_at, 1, (self._happen, order, event)))
            for look in order.script.get("look", ()):
                moments.append((order.at(look["at"]), 3, (self._look, order, look)))
            moments.append((order.at(order.script["expected"]["until"]), 4, (self._close, order, None)))
        moments.sort(key=lambda moment: moment[:2])
        for at, together in groupby(moments, key=lambda moment: moment[0]):
            await self._watch_until(at)
            self.world.clock.now = at
            for _at, _rank, (act, order, what) in together:
                await act(order, what)
            await self._watch(at + A_MOMENT)

    async def _watch_until(self, end: datetime) -> None:
        """What watch does when it is due, up to a moment."""
        while True:
            due = await self.connection.fetchval(
                "select min(at) from ("
                " select warn_at from order_clock where stopped_at is null"
                " union all select deadline_at from order_clock where stopped_at is null"
                " union all select promised_at from orders where closed_at is null"
                " union all select due_at from notice where sent_at is null and dead_at is null"
                "  and suppressed is null) as due (at) where at > $1",
                self.world.clock.now,
            )
            if due is None or due + A_MOMENT >= end:
                return
            await self._watch(due + A_MOMENT)

    async def _watch(self, at: datetime) -> None:
        self.world.clock.now = at
        async with unit_of_work(self.connection) as work:
            await deadlines.run(work, WATCH, at, self.measures)
        async with unit_of_work(self.connection) as work:
            await late.run(work, WATCH, at, self.measures)
        while await self.sender.send_due(self.connection):
            pass

    async def _place(self, order: Played, _: None) -> None:
        """The order comes in, and its way and trucks are known."""
        script, wanted = order.script, dict(order.script["order"])
        kinds = ["origin", *(["hub"] if script["hub"] else []), "destination"]
        for kind in kinds:
            order.places[kind] = await self.connection.fetchval(
                "insert into geofence (public_id, depot_id, name, purpose)"
                " values (gen_random_uuid(), $1, $2, $3) returning geofence_id",
                self.depot_id,
                f"{kind} {order.number}",
                kind,
            )
        body: dict[str, Any] = {
            "depot_id": self.depot,
            "received_at": order.start.isoformat(),
            "ordered_at": order.start.isoformat(),
            "contact": {
                "name": "张伟",
                "phone": "+86 138 0000 0000",
                "address": "江苏省苏州市姑苏区观前街1号",
            },
            "items": [{"sku": "K-1", "name": "茶", "specification": "250 g", "quantity": 2}],
            "packages": [{"code": code} for code in order.codes(None)],
            "stops": [{"kind": kind, "name": f"{kind} {order.number}"} for kind in kinds],
        } | {name: value for name, value in wanted.items() if name != "without"}
        for name in wanted.get("without", ()):
            head, _dot, rest = name.partition(".")
            del body[head][rest]
        made = await self.world.post("/v1/orders", body)
        order.public_id = made["id"]
        order.order_id = await self.connection.fetchval(
            "select order_id from orders where public_id = $1", UUID(made["id"])
        )
        for seq, kind in enumerate(kinds):
            await self.connection.execute(
                "update order_stop set geofence_id = $1 where order_id = $2 and seq = $3",
                order.places[kind],
                order.order_id,
                seq,
            )
        last = "hub" if script["hub"] else "destination"
        await self._truck(order, "A", ["origin", last])
        if script["hub"]:
            await self._truck(order, "B", ["hub", "destination"])

    async def _truck(self, order: Played, name: str, calls_at: Sequence[str]) -> None:
        """A tracked truck with a trip."""
        order.trucks[name] = await self.connection.fetchval(
            "insert into vehicle (public_id, depot_id, label) values (gen_random_uuid(), $1, $2)"
            " returning vehicle_id",
            self.depot_id,
            f"{name}{order.number}",
        )
        trip_id = await self.connection.fetchval(
            "insert into trip (public_id, depot_id, vehicle_id, label, active, route_lats, route_lons)"
            " values (gen_random_uuid(), $1, $2, 'trip', tstzrange($3, $4), '{31,32}', '{120,121}')"
            " returning trip_id",
            self.depot_id,
            order.trucks[name],
            order.start - timedelta(hours=1),
            order.start + timedelta(days=10),
        )
        for seq, kind in enumerate(calls_at):
            await self.connection.execute(
                "insert into stop (trip_id, seq, name, kind, geofence_id, lat, lon, distance_m)"
                " values ($1, $2, $3, $4, $5, 31, 120, $6)",
                trip_id,
                seq,
                f"{kind} {order.number}",
                kind,
                order.places[kind],
                seq * 1000.0,
            )

    async def _happen(self, order: Played, event: dict[str, Any]) -> None:
        if "said" in event:
            body = {
                "stage": event["said"],
                "at": order.at(event["at"]).isoformat(),
                "source_key": event["at"],
            }
            await self.world.post(f"/v1/orders/{order.public_id}/evidence", body)
        elif "resubmitted" in event:
            change = {"contact": {"address": ADDRESS}}
            answer = await self.world.client.patch(f"/v1/orders/{order.public_id}", json=change)
            assert answer.status_code == 200, answer.text
        elif "crossing" in event:
            await self._cross(order, event)
        else:
            await self._scan(order, event)

    async def _cross(self, order: Played, event: dict[str, Any]) -> None:
        at = order.at(event["at"])
        crossing = Crossing(
            decided_at=at,
            at=at,
            vehicle_id=order.trucks[event["truck"]],
            geofence_id=order.places[event["place"]],
            kind=CrossingKind(event["crossing"]),
            plus_minus_s=5.0,
            lat=31.0,
            lon=120.0,
        )
        async with unit_of_work(self.connection) as work:
            await crossings.record(work.connection, [crossing])
            concerned = await evidence.orders_of_crossings(work.connection, WATCH, [crossing])
            await evidence.record_evidence(work, concerned, self.world.clock())

    async def _scan(self, order: Played, event: dict[str, Any]) -> None:
        truck = event.get("truck")
        async with unit_of_work(self.connection) as work:
            for code in order.codes(event.get("package")):
                await work.connection.execute(
                    "insert into scan (device_id, device_time, content_hash, received_at, scan_id, code,"
                    " action, vehicle, reason) select device_id, $1, $2, $1, 's', $3, $4, $5, $6 from device",
                    order.at(event["at"]),
                    next(self.hashes),
                    code,
                    event["scan"],
                    None if truck is None else f"{truck}{order.number}",
                    event.get("reason"),
                )
            await evidence.record_evidence(work, [order.order_id], self.world.clock())

    async def _look(self, order: Played, look: dict[str, Any]) -> None:
        self.seen.append((order, look, await self.world.get(f"/v1/orders/{order.public_id}")))

    async def _close(self, order: Played, _: None) -> None:
        self.outcomes[order.number] = await self._outcome(order)

    async def _outcome(self, order: Played) -> dict[str, Any]:
        """What came of an order, in the archetypes' words."""
        rows = self.connection.fetch
        order_id = order.order_id
        milestones = await rows(
            "select stage, actual_at from milestone where order_id = $1 and actual_at is not null", order_id
        )
        escalations = await rows(
            "select clock, level, due_at, told from escalation where order_id = $1 order by due_at", order_id
        )
        alerts = await rows(
            "select kind, subject, opened_at, coalesce(clear_reason, 'open') as ended from alert"
            " where $1 = any(order_ids) order by opened_at",
            order_id,
        )
        told = await rows(
            "select event, created_at, suppressed from notice where order_id = $1 and recipient = 'customer'",
            order_id,
        )
        roles_told = await rows(
            "select n.event, split_part(n.event_key, '/', 1) as clock, e.role from notice n"
            " join endpoint e using (endpoint_id) where n.order_id = $1 and n.recipient = 'roles'"
            "  and n.sent_at is not null",
            order_id,
        )
        return {
            "roles told": sorted(tuple(row) for row in roles_told),
            "milestones": {row["stage"]: _since(order, row["actual_at"]) for row in milestones},
            "priority": await self.connection.fetchval(
                "select priority from orders where order_id = $1", order_id
            ),
            "escalations": [
                [row["clock"], row["level"], _since(order, row["due_at"]), row["told"]] for row in escalations
            ],
            "alerts": [
                [
                    row["kind"],
                    _about(row["subject"]),
                    _since(order, row["opened_at"]),
                    row["ended"],
                ]
                for row in alerts
            ],
            "notices": sorted(
                [row["event"], _since(order, row["created_at"]), *filter(None, [row["suppressed"]])]
                for row in told
            ),
        }


def _about(subject: str) -> str:
    """The clock an alert is about, else what kind of thing."""
    return subject.partition("/")[2] or subject.partition(":")[0]


def _since(order: Played, at: datetime) -> timedelta:
    minutes = (at - order.start).total_seconds() // 60
    return timedelta(minutes=minutes)


def expected(script: dict[str, Any]) -> dict[str, Any]:
    """An archetype's expectations, in the form of an outcome."""
    told = script["expected"]
    return {
        "roles told": sorted(_roles_told(told["escalations"])),
        "milestones": {stage: offset(at) for stage, at in script["milestones"].items()},
        "priority": told["priority"],
        "escalations": [[clock, level, offset(at), said] for clock, level, at, said in told["escalations"]],
        "alerts": [[kind, about, offset(at), ended] for kind, about, at, ended in told["alerts"]],
        "notices": sorted([event, offset(at), *why] for event, at, *why in told["notices"]),
    }


def _roles_told(escalations: Sequence[Any]) -> Iterator[tuple[str, str, str]]:
    """Which role hears of which clock: the owner of a warning, owner and superior at the limit."""
    clocks = {clock.name: clock for clock in rules.shipped().clocks}
    for name, level, _at, is_told in escalations:
        if is_told and level == "owner":
            yield ("stage_warned", name, clocks[name].owner)
        elif is_told:
            yield ("stage_overdue", name, clocks[name].owner)
            yield ("stage_overdue", name, clocks[name].superior)


def check_look(look: dict[str, Any], order: Any) -> None:
    """Hold what the API said of an order at a moment against the archetype."""
    colours = {milestone["stage"]: milestone["colour"] for milestone in order["milestones"]}
    assert {stage: colours.get(stage) for stage in look["colours"]} == look["colours"]
    assert order["state"] == look["state"]
    if "missing" in look:
        assert order["missing"] == look["missing"]
    for name in {"gross", "net"} & look.keys():
        delivered = next(clock for clock in order["clocks"] if clock["clock"] == "delivered")
        assert timedelta(seconds=delivered[f"{name}_s"]) == offset(look[name])
