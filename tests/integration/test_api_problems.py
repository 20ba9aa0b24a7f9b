from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import psycopg
import pytest
from api_world import WITHIN_S, ApiWorld, running_api


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[ApiWorld]:
    async with running_api(database_url, max_body_bytes=10_000) as world:
        yield world


def assert_problem(response: httpx.Response, status: int) -> None:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["instance"] == response.request.url.path
    assert problem["type"].startswith("urn:zaitu:problem:")
    assert problem["title"]
    assert problem["detail"]


async def test_staff_routes_want_the_administrators_token(world: ApiWorld) -> None:
    wrong = ({}, *({"Authorization": text} for text in ("Bearer wrong", "Basic YTpi", "Bearer")))
    async with httpx.AsyncClient(base_url=world.client.base_url, timeout=WITHIN_S) as stranger:
        for path in ("/v1/orders", "/v1/vehicles", "/v1/alerts", "/v1/events", "/v1/geofences"):
            for headers in wrong:
                response = await stranger.get(path, headers=headers)
                assert_problem(response, 401)
                assert response.headers["www-authenticate"] == "Bearer"


async def test_unknown_addresses_things_and_methods_are_problems(world: ApiWorld) -> None:
    assert_problem(await world.client.get("/v1/nothing"), 404)
    assert_problem(await world.client.get("/v1/orders/01890000-0000-7000-8000-000000000000"), 404)
    assert_problem(await world.client.get("/v1/orders/17"), 422)
    assert_problem(await world.client.delete("/v1/depots"), 405)
    assert_problem(await world.client.get("/assets/nothing.js"), 404)


async def test_a_body_that_is_not_a_depot_is_a_problem(world: ApiWorld) -> None:
    bodies = (
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"code": NaN}',
        b"",
        b"1" * 5000,
        b'{"code": "A", "name": "\\ud800"}',
    )
    for body in bodies:
        headers = {"Content-Type": "application/json"}
        response = await world.client.post("/v1/depots", content=body, headers=headers)
        assert response.status_code in {400, 422}, body
        assert_problem(response, response.status_code)


async def test_a_body_over_the_limit_is_refused_announced_or_not(world: ApiWorld) -> None:
    async def trickle() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 1000

    assert_problem(await world.client.post("/v1/depots", content=b" " * 10_001), 413)
    assert_problem(await world.client.post("/v1/depots", content=trickle()), 413)


async def test_a_taken_code_is_a_conflict_that_says_what_to_do(world: ApiWorld) -> None:
    await world.depot("SH1")
    response = await world.client.post("/v1/depots", json={"code": "SH1", "name": "again"})
    assert_problem(response, 409)
    assert "Choose another code" in response.json()["detail"]


async def test_without_its_database_it_answers_503_and_recovers(world: ApiWorld) -> None:
    await world.depot()
    name = world.database_url.rsplit("/", 1)[1]
    server = world.database_url.rsplit("/", 1)[0] + "/postgres"

    async def allow_connections(allowed: bool) -> None:
        admin = await psycopg.AsyncConnection.connect(server, autocommit=True)
        async with admin:
            await admin.execute(f'alter database "{name}" allow_connections {allowed}')
            await admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = %s and usename = current_user",
                [name],
            )

    await allow_connections(False)
    try:
        response = await world.client.get("/v1/depots")
        assert_problem(response, 503)
        assert response.headers["retry-after"] == "2"
        assert_problem(await world.client.get("/ready"), 503)
        assert (await world.client.get("/health")).status_code == 200
    finally:
        await allow_connections(True)
    async with asyncio.timeout(WITHIN_S):
        while (await world.client.get("/ready")).status_code != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert len((await world.get("/v1/depots"))["items"]) == 1


async def test_an_older_schema_is_not_ready(world: ApiWorld) -> None:
    async with world.work() as work:
        await work.connection.execute("delete from schema_migration where number > 3")
    response = await world.client.get("/ready")
    assert_problem(response, 503)
    assert "zaitu migrate" in response.json()["detail"]


async def test_every_operation_is_described_with_its_answer_and_its_problems(world: ApiWorld) -> None:
    document = await world.get("/openapi.json")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            answers = {status for status in operation["responses"] if status < "400"}
            assert answers, (method, path)
            if path.startswith("/v1/"):
                problem = operation["responses"]["503"]["content"]["application/problem+json"]
                assert problem["schema"]["$ref"] == "#/components/schemas/Problem"
    assert "HTTPValidationError" not in str(document)


async def test_metrics_name_routes_and_never_addresses(world: ApiWorld) -> None:
    await world.client.get("/v1/track/a-secret-token")
    exposition = (await world.client.get("/metrics")).text
    assert 'route="/v1/track/{token}",status="404"' in exposition
    assert "a-secret-token" not in exposition
