"""How much, how often, how slowly and from where one may ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from access_world import people_of, token_of
from api_world import WITHIN_S, ApiWorld, running_api
from test_api_problems import assert_problem

from api.rates import Rate, Rates
from runtime.settings import Settings
from runtime.slow_clients import PatientProtocol
from store.border import translated
from store.errors import Unavailable
from store.pool import open_pool

# A bucket that does not fill again while a test runs.
FEW = Rate(per_s=0.001, burst=5.0)


class Impatient(PatientProtocol):
    headers_within_s = 0.3
    body_within_s = 0.3
    most_header_bytes = 10_000


@asynccontextmanager
async def asker(world: ApiWorld, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=world.client.base_url, timeout=WITHIN_S, headers=headers) as client:
        yield client


async def test_an_address_that_asks_too_often_is_told_when_to_ask_again(database_url: str) -> None:
    rates = Rates(per_address=FEW)
    async with running_api(database_url, rates=rates) as world, asker(world) as stranger:
        answers = [await stranger.get("/v1/track/a-guess") for _ in range(7)]
        assert [answer.status_code for answer in answers] == [404] * 5 + [429] * 2
        assert_problem(answers[-1], 429)
        assert int(answers[-1].headers["retry-after"]) > 900
        assert answers[-1].headers["x-content-type-options"] == "nosniff"
        # The installation's own simulators are not strangers.
        assert [(await world.client.get("/v1/depots")).status_code for _ in range(7)] == [200] * 7


async def test_a_proxy_that_is_trusted_speaks_for_its_clients_and_no_other_does(database_url: str) -> None:
    rates = Rates(per_address=FEW)
    for trusted, expected in (("127.0.0.1", [404] * 12), ("", [404] * 5 + [429] * 7)):
        async with running_api(database_url, rates=rates, trusted_proxies=trusted) as world:
            answers = []
            for number in range(12):
                async with asker(world, **{"X-Forwarded-For": f"198.51.100.{number // 4}"}) as client:
                    answers.append((await client.get("/v1/track/a-guess")).status_code)
            assert answers == expected


async def test_all_addresses_of_one_ipv6_network_are_one(database_url: str) -> None:
    rates = Rates(per_address=FEW)
    async with running_api(database_url, rates=rates, trusted_proxies="127.0.0.1") as world:
        answers = []
        for number in range(7):
            async with asker(world, **{"X-Forwarded-For": f"2001:db8:1:2::{number}"}) as client:
                answers.append((await client.get("/health")).status_code)
        assert answers == [200] * 5 + [429] * 2


async def test_a_session_that_asks_too_often_holds_up_no_other(database_url: str) -> None:
    async with running_api(database_url, rates=Rates(per_key=FEW)) as world:
        people = await people_of(world)
        first, second = [await token_of(world, people, role) for role in ("dispatcher", "manager")]
        async with asker(world, Authorization=f"Bearer {first}") as client:
            assert [(await client.get("/v1/me")).status_code for _ in range(6)] == [200] * 5 + [429]
        async with asker(world, Authorization=f"Bearer {second}") as client:
            assert (await client.get("/v1/me")).status_code == 200


async def test_a_query_that_takes_too_long_is_given_up_in_words_that_say_so(database_url: str) -> None:
    pool = await open_pool(database_url, longest_statement_s=0.05)
    try:
        async with pool.acquire() as connection:
            with pytest.raises(Unavailable, match="took too long"), translated():
                await connection.execute("select pg_sleep(60)")
    finally:
        pool.terminate()


async def test_a_request_that_waits_for_a_lock_too_long_is_503(database_url: str) -> None:
    async with running_api(database_url, longest_statement_s=0.2) as world:
        depot = await world.depot()
        order = await world.order(depot)
        async with world.work() as work:
            await work.connection.execute("select from orders for update")
            answer = await world.client.post(f"/v1/orders/{order['id']}/share-links")
            assert_problem(answer, 503)
            assert "took too long" in answer.json()["detail"]
        assert (await world.client.post(f"/v1/orders/{order['id']}/share-links")).status_code == 201


async def test_scripts_of_other_origins_may_ask_only_where_the_settings_name_them(database_url: str) -> None:
    shop = "https://shop.example.com"
    asking = {"Origin": shop, "Access-Control-Request-Method": "GET"}
    async with running_api(database_url) as world, asker(world) as client:
        assert (await client.options("/v1/orders", headers=asking)).status_code == 405
        answer = await client.get("/health", headers={"Origin": shop})
        assert "access-control-allow-origin" not in answer.headers
    async with running_api(database_url, cors_origins=(shop,)) as world, asker(world) as client:
        asked = await client.options("/v1/orders", headers=asking)
        assert asked.headers["access-control-allow-origin"] == shop
        refused = await client.options(
            "/v1/orders", headers={**asking, "Origin": "https://elsewhere.example"}
        )
        assert "access-control-allow-origin" not in refused.headers
        answer = await client.get("/health", headers={"Origin": shop})
        assert answer.headers["access-control-allow-origin"] == shop
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("text", ["*", "shop.example.com", "https://shop.example.com/path", "null"])
def test_what_is_no_origin_is_refused_by_the_settings(text: str) -> None:
    with pytest.raises(ValueError, match="origins"):
        Settings(cors_origins=text)


def dribbles() -> Iterator[tuple[str, bytes, bytes]]:
    yield "nothing at all", b"", b"408"
    yield "half a line", b"GET /hea", b"408"
    yield "headers without an end", b"GET /health HTTP/1.1\r\nHost: x\r\n", b"408"
    body = b"POST /v1/track/lookup HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    yield "a body without an end", body + b"Content-Length: 100\r\n\r\n{", b"408"
    yield "chunks without an end", body + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", b"408"
    yield "endless headers", b"GET /health HTTP/1.1\r\n" + b"X: y\r\n" * 3000, b"431"


async def test_clients_that_dribble_are_sent_away_and_others_are_served(database_url: str) -> None:
    async with running_api(database_url, protocol=Impatient) as world:
        port = world.client.base_url.port
        for what, sent, status in dribbles():
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            answer = await asyncio.wait_for(reader.read(), WITHIN_S)
            assert answer.startswith(b"HTTP/1.1 " + status), what
            writer.close()
        assert (await world.client.get("/health")).status_code == 200
        async with world.events("/v1/events") as news:
            await news.next("hello")
            # Longer than the server waits for requests: answers may take as long as they like.
            await asyncio.sleep(2 * Impatient.body_within_s)
            vehicle = await world.vehicle(await world.depot())
            assert (await news.next("vehicle")).data == {"ids": [vehicle]}
