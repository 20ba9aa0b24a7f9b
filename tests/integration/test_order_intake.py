from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import openpyxl
import pytest
from api_world import NOON, ApiWorld, order_body, running_api

from api.order_file import CSV, EXCEL, JSON_LINES
from domain.access import process_principal
from store import orders
from store.cipher import Cipher
from store.pool import open_pool
from store.unit_of_work import unit_of_work

WHOLE = {
    "channel": "TM",
    "contact": {"name": "张伟", "phone": "+86 138 0000 0000", "address": "苏州市姑苏区观前街1号"},
    "ordered_at": NOON.isoformat(),
    "items": [{"sku": "K-1", "name": "茶", "specification": "250 g", "quantity": 2}],
}


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[ApiWorld]:
    async with running_api(database_url) as world:
        yield world


async def bulk(world: ApiWorld, depot: str, content_type: str, content: bytes) -> Any:
    answer = await world.client.post(
        f"/v1/orders/bulk?depot_id={depot}", content=content, headers={"Content-Type": content_type}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_without_a_promise_48_hours_are_promised(world: ApiWorld) -> None:
    order = await world.post("/v1/orders", {"depot_id": await world.depot(), **WHOLE})
    assert order["promised_at"] == "2026-11-23T12:00:00Z"
    assert (order["promise_given"], order["state"], order["missing"]) == (False, "open", [])


async def test_a_promise_before_the_receipt_is_refused(world: ApiWorld) -> None:
    body = order_body(await world.depot(), promised_at=(NOON - timedelta(hours=1)).isoformat())
    problem = await world.post("/v1/orders", body, expect=422)
    assert problem["errors"][0]["pointer"] == "/promised_at"


async def test_what_lacks_something_is_taken_in_and_names_it(world: ApiWorld) -> None:
    lacking = {**WHOLE, "contact": {"name": "张伟"}, "items": [{"name": "茶"}]}
    order = await world.post("/v1/orders", {"depot_id": await world.depot(), **lacking})
    assert order["state"] == "pending_info"
    assert order["missing"] == [
        "contact.phone", "contact.address", "items.sku", "items.specification", "items.quantity",
    ]  # fmt: skip


async def test_a_catalogue_knows_the_skus_and_completes_what_orders_leave_out(world: ApiWorld) -> None:
    depot = await world.depot()
    products = [{"sku": "K-1", "name": "龙井", "specification": "250 g"}, {"sku": "K-2", "name": "普洱"}]
    loaded = await world.client.put("/v1/catalogue", json={"items": products})
    assert loaded.json() == {"products": 2}
    assert [one["sku"] for one in (await world.get("/v1/catalogue"))["items"]] == ["K-1", "K-2"]
    lines = [{"sku": "K-1", "quantity": 1}, {"sku": "K-2", "quantity": 1, "specification": "饼"}]
    order = await world.post("/v1/orders", {"depot_id": depot, **WHOLE, "items": lines})
    assert [(one["name"], one["specification"]) for one in order["items"]] == [
        ("龙井", "250 g"), ("普洱", "饼"),
    ]  # fmt: skip
    assert order["state"] == "open"
    unknown = [{"sku": "K-9", "name": "x", "specification": "y", "quantity": 1}]
    order = await world.post("/v1/orders", {"depot_id": depot, **WHOLE, "items": unknown})
    assert (order["state"], order["missing"]) == ("pending_info", ["items.sku:K-9"])
    world.clock.advance(minutes=1)
    corrected = {"items": [{"sku": "K-2", "specification": "饼", "quantity": 1}]}
    order = (await world.client.patch(f"/v1/orders/{order['id']}", json=corrected)).json()
    assert (order["state"], order["missing"]) == ("open", [])
    # Channels of partners' systems require none.
    free = await world.post("/v1/orders", {"depot_id": depot, "items": unknown})
    assert free["missing"] == []
    twice = await world.client.put("/v1/catalogue", json={"items": [products[0], products[0]]})
    assert twice.status_code == 422


async def test_a_delivery_is_proved_by_name_time_place_and_reference(world: ApiWorld) -> None:
    order = await world.post("/v1/orders", {"depot_id": await world.depot(), **WHOLE, "waybill": "SF-1"})
    said = await world.happens(order["id"], "waybill", waybill="SF-2")
    assert said["waybill"] == "SF-2"
    proof = {"signed_by": "王芳", "proof": "s3://pod/1.jpg", "lat": 31.3, "lon": 120.6}
    delivered = await world.happens(order["id"], "delivered", None, **proof)
    (seen,) = delivered["proofs"]
    assert {name: seen[name] for name in proof} == proof
    assert (seen["at"], seen["package_code"]) == ("2026-11-21T12:00:00Z", None)
    wrong = {"stage": "packed", "at": NOON.isoformat(), "source_key": "k", "waybill": "x"}
    await world.post(f"/v1/orders/{order['id']}/evidence", wrong, expect=422)


async def test_a_new_tag_changes_priority_and_the_packing_clock_and_is_recorded(world: ApiWorld) -> None:
    order = await world.post("/v1/orders", {"depot_id": await world.depot(), **WHOLE})
    await world.happens(order["id"], "stock_locked")
    answer = await world.client.patch(f"/v1/orders/{order['id']}", json={"tagged_urgent": True})
    changed = answer.json()
    assert changed["priority"] == "urgent"
    assert [change["after"] for change in changed["priority_changes"]] == ["regular", "urgent"]
    packed = next(clock for clock in changed["clocks"] if clock["clock"] == "packed")
    assert packed["deadline_at"] == "2026-11-21T14:00:00Z"


async def test_a_priority_somebody_asked_for_stays_until_another_is(world: ApiWorld) -> None:
    body = {"depot_id": await world.depot(), **WHOLE, "priority": "high"}
    order = await world.post("/v1/orders", body)
    path = f"/v1/orders/{order['id']}"
    priorities = []
    for wanted in ({"contact": {"phone": "13900000000"}}, {"tagged_urgent": True}, {"priority": "low"}):
        priorities.append((await world.client.patch(path, json=wanted)).json()["priority"])
    assert priorities == ["high", "high", "low"]
    changes = (await world.get(path))["priority_changes"]
    assert [(one["after"], one["reason"]) for one in changes] == [("high", "asked for"), ("low", "asked for")]


async def test_flags_of_the_erp_are_changed_and_taken_back(world: ApiWorld) -> None:
    flags = {"hold_reason": "credit", "amount_class": "A", "profit_class": "B"}
    order = await world.post("/v1/orders", {"depot_id": await world.depot(), **WHOLE, **flags})
    assert {name: order[name] for name in flags} == flags
    changes = {"hold_reason": None, "amount_class": "C"}
    changed = (await world.client.patch(f"/v1/orders/{order['id']}", json=changes)).json()
    assert {name: changed[name] for name in flags} == {**flags, **changes}


async def test_an_order_cannot_have_been_received_in_the_future(world: ApiWorld) -> None:
    body = {"depot_id": await world.depot(), **WHOLE, "received_at": (NOON + timedelta(hours=1)).isoformat()}
    problem = await world.post("/v1/orders", body, expect=422)
    assert problem["errors"][0]["pointer"] == "/received_at"


async def test_a_closed_order_takes_only_corrections_with_a_reason(world: ApiWorld) -> None:
    order = await world.post("/v1/orders", {"depot_id": await world.depot(), **WHOLE})
    await world.happens(order["id"], "delivered")
    late = {"stage": "packed", "at": NOON.isoformat(), "source_key": "k"}
    problem = await world.post(f"/v1/orders/{order['id']}/evidence", late, expect=409)
    assert "closed (delivered)" in problem["detail"]
    correction = {**late, "manual": True, "actor": "李娜", "reason": "forgotten"}
    corrected = await world.post(f"/v1/orders/{order['id']}/evidence", correction)
    packed = next(one for one in corrected["milestones"] if one["stage"] == "packed")
    assert packed["actual_at"] == "2026-11-21T12:00:00Z"


async def test_every_row_of_a_file_is_accounted_for(world: ApiWorld) -> None:
    depot = await world.depot()
    rows = [
        {**WHOLE, "channel_reference": "A-1", "client_key": "k1"},
        {**WHOLE, "channel_reference": "A-1"},
        {**WHOLE, "contact": None},
        {"channel": "no such channel!"},
        "not an object",
    ]
    content = "\n".join(json.dumps(row) for row in rows).encode() + b"\n{broken"
    answer = await bulk(world, depot, JSON_LINES, content)
    assert (answer["rows"], answer["created"], answer["refused"]) == (6, 2, 4)
    assert [row["result"] for row in answer["items"]] == ["created", "refused", "created", *["refused"] * 3]
    assert answer["items"][0]["number"] in answer["items"][1]["problems"][0]
    assert answer["items"][2]["state"] == "pending_info"
    again = await bulk(world, depot, JSON_LINES, json.dumps(rows[0]).encode())
    assert (again["repeated"], again["items"][0]["number"]) == (1, answer["items"][0]["number"])


COLUMNS = [
    "channel", "contact.name", "contact.phone", "contact.address", "ordered_at", "sku", "product",
    "specification", "quantity",
]  # fmt: skip
LINE = ["TM", "张伟", "13800000000", "苏州市", "2026-11-21T20:00:00+08:00", "K-1", "茶", "250 g", 2]


async def test_csv_and_excel_say_the_same(world: ApiWorld) -> None:
    depot = await world.depot()
    table = f"{','.join(COLUMNS)},packages\n{','.join(map(str, LINE))},C1;C2\n\n,,,,,,,,,\n"
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append([*COLUMNS, "packages"])
    sheet.append([*LINE, "X1;X2"])
    saved = io.BytesIO()
    book.save(saved)
    seen = []
    for content_type, content in ((CSV, "\ufeff".encode() + table.encode()), (EXCEL, saved.getvalue())):
        answer = await bulk(world, depot, content_type, content)
        assert (answer["rows"], answer["created"]) == (1, 1), answer
        order = await world.get(f"/v1/orders/{answer['items'][0]['order_id']}")
        seen.append((order["state"], order["items"], order["contact"]["phone"], len(order["packages"])))
    assert seen[0] == seen[1]
    assert seen[0][0] == "open"
    assert seen[0][3] == 2


async def test_times_of_tables_are_the_depots_where_they_name_no_zone(world: ApiWorld) -> None:
    depot = await world.depot()
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(COLUMNS)
    sheet.append([*LINE[:4], datetime.fromisoformat("2026-11-21T20:00"), *LINE[5:]])
    saved = io.BytesIO()
    book.save(saved)
    table = f"{','.join(COLUMNS)}\n{','.join(map(str, LINE))}\n".replace(
        "-11-21T20:00:00+08:00", "/11/21 20:00"
    )
    # Excel in China writes CSV in GB 18030.
    for content_type, content in ((EXCEL, saved.getvalue()), (CSV, table.encode("gb18030"))):
        answer = await bulk(world, depot, content_type, content)
        assert answer["created"] == 1, answer
        order = await world.get(f"/v1/orders/{answer['items'][0]['order_id']}")
        assert order["ordered_at"] == "2026-11-21T12:00:00Z"
        assert order["contact"]["name"] == "张伟"


async def test_rows_that_do_not_fit_are_refused_one_by_one(world: ApiWorld) -> None:
    depot = await world.depot()
    line = ",".join(map(str, LINE))
    table = f"{','.join(COLUMNS)}\n{line},surplus\n{line},\n{line.rpartition(',')[0]}\n"
    answer = await bulk(world, depot, CSV, table.encode())
    assert [row["result"] for row in answer["items"]] == ["refused", "created", "created"]
    assert "more cells than the header's 9 columns" in answer["items"][0]["problems"][0]
    assert answer["items"][2]["missing"] == ["items.quantity"]
    # U+2028 ends no line of JSON; a row as deep as this is none.
    rows = [json.dumps({**WHOLE, "contact": {"name": "张\u2028伟"}}, ensure_ascii=False), "[" * 100_000]
    answer = await bulk(world, depot, JSON_LINES, "\n".join(rows).encode())
    assert (answer["rows"], answer["refused"]) == (2, 1)
    assert answer["items"][1]["problems"] == ["the row is no JSON"]


async def test_a_file_that_cannot_be_read_is_refused_whole(world: ApiWorld) -> None:
    depot = await world.depot()
    twice = b"channel,channel\nTM,TM"
    bad = (
        (EXCEL, b"not a workbook"),
        (CSV, b"\xff\xfe"),
        (CSV, b'a\n"x'),
        (CSV, twice),
        ("text/plain", b"x"),
    )
    for content_type, content in bad:
        answer = await world.client.post(
            f"/v1/orders/bulk?depot_id={depot}", content=content, headers={"Content-Type": content_type}
        )
        assert answer.status_code == 415


async def test_endpoints_are_added_listed_and_switched_off(world: ApiWorld) -> None:
    depot = await world.depot()
    made = await world.post("/v1/endpoints", {"depot_id": depot, "url": "https://partner.test/hook"})
    assert made["secret"].startswith("whsec_")
    await world.client.post(f"/v1/endpoints/{made['id']}/disable")
    (listed,) = (await world.get("/v1/endpoints"))["items"]
    assert (listed["id"], listed["disabled_reason"]) == (made["id"], "by hand")
    await world.client.post(f"/v1/endpoints/{made['id']}/enable")
    order = await world.order(depot)
    (notice,) = (await world.get("/v1/notices", order_id=order["id"]))["items"]
    assert (notice["event"], notice["recipient"]) == ("received", "partner")
    assert notice["endpoint_id"] == made["id"]


async def test_a_thousand_orders_created_at_once_are_numbered_without_gaps(database_url: str) -> None:
    pool = await open_pool(database_url, max_size=20)
    depot_id = await pool.fetchval(
        "insert into depot (public_id, code, name) values (gen_random_uuid(), 'D', 'D') returning depot_id"
    )

    async def create() -> str:
        async with pool.acquire() as connection, unit_of_work(connection) as work:
            number = await orders.next_number(work.connection, "20261121TM")
            order = orders.OrderToAdd(
                public_id=uuid4(),
                depot_id=depot_id,
                number=number,
                channel="TM",
                channel_reference=None,
                client_key=None,
                client_hash=None,
                contact_id=None,
                priority="regular",
                received_at=NOON,
                promised_at=NOON + timedelta(hours=48),
            )
            await orders.create(work.connection, process_principal("api"), Cipher(bytes(32)), order, [], [])
        return number

    numbers = await asyncio.gather(*(create() for _ in range(1000)))
    assert sorted(numbers) == [f"20261121TM{serial:06}" for serial in range(1, 1001)]
    pool.terminate()
