"""Requests made to hurt: bombs, broken text, foreign hosts, ways out of a folder; the API refuses them."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import zipfile
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
from access_world import order_of
from api_world import ADMIN_TOKEN, WITHIN_S, ApiWorld, running_api

from api.order_file import CSV, EXCEL, JSON_LINES, MOST_ROWS, MOST_UNPACKED_BYTES
from api.pages import BUILT_FOLDER

SHEET = "xl/worksheets/sheet1.xml"
WORKBOOK = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type='
    '"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<sheets><sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": "<Relationships xmlns="
    '"http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type='
    '"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
    'Target="worksheets/sheet1.xml"/></Relationships>',
}
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[ApiWorld]:
    async with running_api(database_url) as made:
        yield made


async def raw(world: ApiWorld, request: bytes) -> bytes:
    """What the server says to these bytes, sent as they are."""
    url = world.client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(request)
    async with asyncio.timeout(WITHIN_S):
        answer = await reader.read()
    writer.close()
    return answer


def asking(target: str, *headers: str, host: str = "127.0.0.1") -> bytes:
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def workbook(sheet: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in {**WORKBOOK, SHEET: sheet}.items():
            archive.writestr(name, text)
    return content.getvalue()


async def test_json_bombs_are_refused_and_the_server_goes_on(world: ApiWorld) -> None:
    depot = await world.depot()
    body = json.dumps(order_of(depot, "13800138000"))
    bombs: dict[str, str | bytes] = {
        "deep": DEEP,
        "deep within a field": body[:-1] + f', "items": {DEEP}}}',
        "a number of many digits": body[:-1] + f', "items": [{{"quantity": {"9" * 100_000}}}]}}',
        "an infinite number": body[:-1] + ', "items": [{"quantity": 1e999}]}',
        "no number": body[:-1] + ', "items": [{"quantity": NaN}]}',
        "many keys": "{" + ",".join(f'"k{number}": 0' for number in range(200_000)) + "}",
        "many items": body[:-1] + f', "items": [{",".join(["{}"] * 100_000)}]}}',
        "half a character": body[:-1] + ', "customer_level": "\\ud800"}',
        "a NUL": body[:-1] + ', "customer_level": "a\\u0000b"}',
        "no UTF-8": body[:-1].encode() + b', "customer_level": "\xff\xfe"}',
        "twice the same key with another type": body[:-1] + ', "depot_id": 5}',
    }
    for name, bomb in bombs.items():
        for path, kind in (("/v1/orders", "application/json"), ("/v1/orders/bulk", JSON_LINES)):
            content = bomb.encode() if isinstance(bomb, str) else bomb
            answer = await world.client.post(path, content=content, headers={"Content-Type": kind})
            assert answer.status_code in (200, 400, 415, 422), (name, path, answer.text[:300])
            if answer.status_code == 200:
                assert (answer.json()["created"], answer.json()["refused"]) == (0, 1), (name, answer.text)
            assert len(answer.content) < 20_000
    await world.post("/v1/orders", order_of(depot, "13800138000"))


async def test_workbooks_that_unpack_to_too_much_or_lie_about_it_are_refused(world: ApiWorld) -> None:
    row = '<row><c t="inlineStr"><is><t>depot_id</t></is></c></row>'
    start = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    end = "</sheetData></worksheet>"
    bomb = workbook(start + row + " " * MOST_UNPACKED_BYTES + end)
    assert len(bomb) < 1_000_000
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "bomb"}">' for n in range(10))
    laughing = workbook(f"<!DOCTYPE b [{entities}]>" + start + row + "<row><c><v>&e9;</v></c></row>" + end)
    lying = bytearray(bomb)
    # The size it unpacks to, as the archive's directory says it.
    where = lying.rindex(b"PK\x01\x02")
    lying[where + 24 : where + 28] = (1000).to_bytes(4, "little")
    outside = workbook(
        f'<!DOCTYPE b [<!ENTITY e SYSTEM "file:///etc/passwd">]>{start}{row}<row><c><v>&e;</v></c></row>{end}'
    )
    for content, expected in (
        (bomb, 413),
        (laughing, 415),
        (bytes(lying), 415),
        (outside, 415),
        (b"PK", 415),
    ):
        answer = await world.client.post("/v1/orders/bulk", content=content, headers={"Content-Type": EXCEL})
        assert answer.status_code in (expected, 200), answer.text
        assert "root:" not in answer.text
        if answer.status_code == 200:
            assert answer.json()["created"] == 0
        else:
            assert answer.headers["content-type"] == "application/problem+json"


async def test_tables_that_contradict_themselves_are_refused_row_by_row(world: ApiWorld) -> None:
    tables = (
        "contact,contact.name\na,b",
        "packages,packages.code\na,b",
        "__class__.x,depot_id.y\na,b",
        "depot_id\n" + "x" * 200_000,
        "depot_id\n\x00",
    )
    for table in tables:
        answer = await world.client.post("/v1/orders/bulk", content=table, headers={"Content-Type": CSV})
        assert answer.status_code in (200, 415), answer.text
        assert answer.status_code == 415 or answer.json()["refused"] == 1
    rows = "depot_id\n" + "x\n" * (MOST_ROWS + 1)
    answer = await world.client.post("/v1/orders/bulk", content=rows, headers={"Content-Type": CSV})
    assert answer.status_code == 413


async def test_other_content_types_are_no_json(world: ApiWorld) -> None:
    body = json.dumps({"code": "X1", "name": "n"}).encode()
    for kind in ("text/plain", "application/xml", "multipart/form-data", "a/b; charset=", ""):
        answer = await world.client.post("/v1/depots", content=body, headers={"Content-Type": kind})
        assert answer.status_code in (415, 422), (kind, answer.text)
    packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = await world.client.post("/v1/depots", content=gzip.compress(b" " * 10_000_000), headers=packed)
    assert answer.status_code in (400, 415, 422)


async def test_a_path_leads_out_of_no_folder(world: ApiWorld) -> None:
    ways = ("../", "..%2f", "%2e%2e/", "..\\", "%2e%2e%2f", "....//", "%252e%252e/", "/")
    built = ("/assets/",) if (BUILT_FOLDER / "assets").is_dir() else ()
    for folder in (*built, "/", "/track/", "/v1/track/"):
        for way in ways:
            answer = await raw(world, asking(f"{folder}{way * 8}etc/passwd"))
            assert b"root:" not in answer
            assert status_of(answer) in (200, 400, 404, 422, 503), answer[:100]
    for folder in built:
        for name in ("app.py", "..%2fapp.py", "%2e%2e/auth.py"):
            assert b"import" not in await raw(world, asking(f"{folder}{name}"))


async def test_line_breaks_reach_no_header(world: ApiWorld) -> None:
    broken = quote("a\r\nX-Made-Up: 1\r\n\r\n<b>")
    for target in (f"/?lang={broken}", f"/track/{broken}", f"/v1/track/{broken}", f"/v1/orders/{broken}"):
        answer = await raw(world, asking(target, f"Authorization: Bearer {ADMIN_TOKEN}"))
        assert b"x-made-up" not in answer.partition(b"\r\n\r\n")[0].lower()
    for line in ("Accept-Language: en\r\nX: \x00", "If-None-Match: a\rb", "Authorization: Bearer \x7f\x01"):
        assert status_of(await raw(world, asking("/v1/me", line))) in (400, 401)


async def test_nobody_is_sent_where_a_request_says(world: ApiWorld) -> None:
    for host in ("evil.example", "evil.example:99999", "[", "a b", ""):
        for target in (
            "/v1/orders/",
            "//evil.example/",
            "/v1//evil.example/",
            "/v1/orders?next=//evil.example",
        ):
            answer = await raw(world, asking(target, host=host))
            head = answer.partition(b"\r\n\r\n")[0].lower()
            assert b"evil.example" not in head
            assert status_of(answer) < 500


async def test_a_link_to_share_leads_where_the_settings_say_whatever_the_host(database_url: str) -> None:
    async with running_api(database_url, public_url="https://track.example.cn/") as world:
        order = await world.order(await world.depot())
        path = f"/v1/orders/{order['id']}/share-links"
        answer = await world.client.post(path, headers={"Host": "evil.example", "X-Forwarded-Host": "evil"})
        assert answer.json()["url"] == f"https://track.example.cn/track/{answer.json()['token']}"
