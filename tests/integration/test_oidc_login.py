"""Login through an identity provider: a real one on loopback, and what may go wrong on the way back."""

from __future__ import annotations

import asyncio
import base64
import hmac
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import oidc_provider_mock
import pytest
from api_world import WITHIN_S, ApiWorld, running_api
from joserfc import jwt
from joserfc.jwk import RSAKey

from api.oidc import IdentityProvider, NoLogin, OidcClient
from runtime.settings import Settings
from store.cipher import Cipher

CALLBACK = "http://127.0.0.1/v1/oidc/callback"
SUBJECT = "248289761001"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with oidc_provider_mock.run_server_in_thread() as server:
        yield f"http://localhost:{server.server_port}"


@asynccontextmanager
async def world_of(database_url: str, issuer: str, **more: Any) -> AsyncIterator[ApiWorld]:
    client = OidcClient(issuer, "zaitu", CALLBACK, client_secret="a secret of the tests", **more)
    async with running_api(database_url, oidc=client) as world:
        # The provider's tokens are of now.
        world.clock.now = datetime.now(UTC)
        depot = await world.depot()
        user = {"login": "dsp-1", "role": "dispatcher", "depot_ids": [depot], "oidc_subject": SUBJECT}
        await world.post("/v1/users", user)
        yield world


@asynccontextmanager
async def browser(world: ApiWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=world.client.base_url, timeout=WITHIN_S) as client:
        yield client


async def authorized(client: httpx.AsyncClient, subject: str) -> str:
    """Begin a login and say yes at the provider; where that sends the browser, as a path of ours."""
    begun = await client.get("/v1/oidc/login")
    assert begun.status_code == 303, begun.text
    async with httpx.AsyncClient(timeout=WITHIN_S) as elsewhere:
        said_yes = await elsewhere.post(begun.headers["location"], data={"sub": subject})
    assert said_yes.status_code in (302, 303), said_yes.text
    back = urlsplit(said_yes.headers["location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == CALLBACK
    return f"{back.path}?{back.query}"


async def test_a_user_known_to_the_provider_logs_in_and_goes_on(database_url: str, issuer: str) -> None:
    async with world_of(database_url, issuer) as world, browser(world) as client:
        ended = await client.get(await authorized(client, SUBJECT))
        assert ended.status_code == 303, ended.text
        fragment = urlsplit(ended.headers["location"]).fragment
        (token,) = parse_qs(fragment)["refresh_token"]
        form = {"grant_type": "refresh_token", "refresh_token": token}
        tokens = (await client.post("/v1/token", data=form)).json()
        me = await client.get("/v1/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
        assert (me.json()["name"], me.json()["role"]) == ("dsp-1", "dispatcher")
        # What stays in the browser's history is worth nothing, once an answer cannot be on its way any more.
        world.clock.advance(seconds=11)
        assert (await client.post("/v1/token", data=form)).status_code == 400
        async with world.work() as work:
            entry = await work.connection.fetchrow("select * from audit where action = 'login'")
        assert (entry["actor"], entry["detail"]) == ("dsp-1", {"by": "oidc"})


async def test_who_has_no_account_here_stays_out_in_the_same_words(database_url: str, issuer: str) -> None:
    async with world_of(database_url, issuer) as world, browser(world) as client:
        stranger = await client.get(await authorized(client, "a stranger"))
        (user,) = (await world.get("/v1/users"))["items"]
        await world.client.patch(f"/v1/users/{user['id']}", json={"disabled": True})
        disabled = await client.get(await authorized(client, SUBJECT))
        assert (stranger.status_code, disabled.status_code) == (403, 403)
        assert stranger.json()["detail"] == disabled.json()["detail"]
        async with world.work() as work:
            assert await work.connection.fetchval("select count(*) from app_user") == 1


async def test_a_code_is_good_only_in_the_browser_that_began_and_only_once(
    database_url: str, issuer: str
) -> None:
    async with world_of(database_url, issuer) as world, browser(world) as client, browser(world) as another:
        back = await authorized(client, SUBJECT)
        assert (await another.get(back)).status_code == 403
        await another.get("/v1/oidc/login")
        assert (await another.get(back)).status_code == 403
        assert (await client.get(back.replace("state=", "state=x"))).status_code == 403
        cookies = httpx.Cookies(client.cookies)
        assert (await client.get(back)).status_code == 303
        assert (await client.get(back)).status_code == 403
        client.cookies = cookies
        assert (await client.get(back)).status_code == 403
        assert (await client.get("/v1/oidc/callback?error=access_denied&state=x")).status_code == 403


async def test_a_login_that_takes_too_long_begins_anew(database_url: str, issuer: str) -> None:
    async with world_of(database_url, issuer) as world, browser(world) as client:
        back = await authorized(client, SUBJECT)
        world.clock.advance(minutes=11)
        assert (await client.get(back)).status_code == 403


async def test_without_a_provider_there_is_nothing_and_with_one_that_is_away_one_waits(
    database_url: str,
) -> None:
    async with running_api(database_url) as world, browser(world) as client:
        assert (await client.get("/v1/oidc/login")).status_code == 404
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with world_of(database_url, f"http://127.0.0.1:{port}") as world, browser(world) as client:
        away = await client.get("/v1/oidc/login")
        assert (away.status_code, away.headers["retry-after"]) == (503, "10")


NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY, OTHER = RSAKey.generate_key(2048, {"kid": "k"}), RSAKey.generate_key(2048, {"kid": "k"})
GOOD: dict[str, Any] = {
    "iss": "https://login.example",
    "aud": "zaitu",
    "sub": SUBJECT,
    "nonce": "n",
    "iat": int(NOW.timestamp()),
    "exp": int((NOW + timedelta(minutes=5)).timestamp()),
}


def subject_of(token: str, claim: str = "sub") -> str:
    client = OidcClient("https://login.example", "zaitu", CALLBACK, claim=claim)
    keys = {"keys": [KEY.as_dict(private=False)]}
    return IdentityProvider(client, Cipher(bytes(32)))._subject_of(token, keys, "n", NOW)


def signed(key: RSAKey = KEY, **changed: Any) -> str:
    claims = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    return jwt.encode({"alg": "RS256", "kid": "k"}, claims, key)


def test_a_good_token_names_its_subject_by_the_claim_agreed_on() -> None:
    assert subject_of(signed()) == SUBJECT
    assert subject_of(signed(employee="e-1"), claim="employee") == "e-1"
    assert subject_of(signed(aud=["zaitu", "x"], azp="zaitu")) == SUBJECT


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "somebody else"},
        {"aud": ["zaitu", "x"]},
        {"azp": "somebody else"},
        {"exp": int((NOW - timedelta(minutes=2)).timestamp())},
        {"iat": int((NOW + timedelta(minutes=2)).timestamp())},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": None},
        {"sub": None},
        {"sub": 7},
    ],
)
def test_a_token_that_is_not_ours_now_lets_nobody_in(changed: dict[str, Any]) -> None:
    with pytest.raises(NoLogin):
        subject_of(signed(**changed))


def test_a_token_of_another_key_or_algorithm_lets_nobody_in() -> None:
    with pytest.raises(NoLogin):
        subject_of(signed(OTHER))
    head, body, _ = signed().split(".")
    # The provider's public key, taken for a shared secret: the library does not even make such a token.
    symmetric, none = encoded(b'{"alg":"HS256","kid":"k"}'), encoded(b'{"alg":"none"}')
    signature = hmac.digest(KEY.as_pem(private=False), f"{symmetric}.{body}".encode(), "sha256")
    for token in (
        f"{symmetric}.{body}.{encoded(signature)}",
        f"{none}.{body}.",
        f"{head}.{body}.",
        "not a token",
    ):
        with pytest.raises(NoLogin):
            subject_of(token)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize("issuer", ["login.example.com", "http://login.example.com", "ftp://localhost"])
def test_an_issuer_whose_answers_could_be_forged_is_refused_by_the_settings(issuer: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Settings(oidc_issuer=issuer)


async def test_two_logins_at_once_read_the_discovery_document_once(issuer: str) -> None:
    provider = IdentityProvider(OidcClient(issuer, "zaitu", CALLBACK), Cipher(bytes(32)))
    (first, one), (second, two) = await asyncio.gather(provider.begin(NOW), provider.begin(NOW))
    assert first.split("?")[0] == second.split("?")[0]
    assert one != two
