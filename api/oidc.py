"""Login through an identity provider: OpenID Connect's authorization code flow with PKCE (RFC 7636)."""

from __future__ import annotations

import asyncio
import base64
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from store.cipher import Cipher, Undecipherable

ANSWERS_WITHIN_S = 10.0
KNOWN_FOR = timedelta(hours=1)
LOGIN_WITHIN = timedelta(minutes=10)
_CONTEXT = b"oidc login"
_LEEWAY_S = 60
# Never HMAC or none: the provider's public keys are no secret.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]


class NoLogin(Exception):
    """The provider, or what came back from it, lets nobody in; the message names no person."""


class ProviderAway(Exception):
    """The identity provider does not answer, or says nothing that can be used."""


@dataclass(frozen=True, slots=True)
class OidcClient:
    """How the installation is known to its identity provider.

    redirect_uri: our callback, as registered there. claim: which claim of the ID token names a user here.
    client_secret None: a public client, which PKCE protects.
    """

    issuer: str
    client_id: str
    redirect_uri: str
    client_secret: str | None = field(default=None, repr=False)
    claim: str = "sub"


class LoginUnderWay(msgspec.Struct, frozen=True):
    """What must come back with the browser: sealed in a cookie, it needs no place on the server."""

    state: str
    nonce: str
    verifier: str
    began_at: datetime


@dataclass(frozen=True, slots=True)
class _Provider:
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    read_at: datetime


class IdentityProvider:
    """An identity provider known by its discovery document, which is read when needed and kept an hour."""

    def __init__(self, client: OidcClient, cipher: Cipher) -> None:
        self._client = client
        self._cipher = cipher
        self._provider: _Provider | None = None
        self._reading = asyncio.Lock()

    @property
    def is_secure(self) -> bool:
        """Whether browsers come back over TLS."""
        return self._client.redirect_uri.startswith("https://")

    async def begin(self, now: datetime) -> tuple[str, str]:
        """Where to send the browser, and the cookie to send along."""
        provider = await self._known(now)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": self._client.redirect_uri,
            "scope": "openid",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        under_way = msgspec.json.encode(LoginUnderWay(state, nonce, verifier, now))
        cookie = base64.urlsafe_b64encode(self._cipher.encrypt(under_way, _CONTEXT)).decode()
        separator = "&" if "?" in provider.authorization_endpoint else "?"
        return f"{provider.authorization_endpoint}{separator}{urlencode(query)}", cookie

    async def subject(self, cookie: str, state: str, code: str, now: datetime) -> str:
        """Whom the provider names, in the claim that was agreed on. Raises NoLogin, ProviderAway."""
        under_way = self._opened(cookie)
        if not hmac.compare_digest(under_way.state.encode(), state.encode()):
            raise NoLogin("the login was begun by another browser")
        if now - under_way.began_at > LOGIN_WITHIN:
            raise NoLogin("the login took too long")
        provider = await self._known(now)
        answer = await self._ask(
            "POST",
            provider.token_endpoint,
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._client.redirect_uri,
                "client_id": self._client.client_id,
                "code_verifier": under_way.verifier,
            },
            auth=None
            if self._client.client_secret is None
            else httpx.BasicAuth(self._client.client_id, self._client.client_secret),
        )
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise NoLogin("the provider gave no ID token")
        keys = await self._ask("GET", provider.jwks_uri)
        return self._subject_of(token, keys, under_way.nonce, now)

    def _opened(self, cookie: str) -> LoginUnderWay:
        try:
            sealed = base64.urlsafe_b64decode(cookie.encode())
            return msgspec.json.decode(self._cipher.decrypt(sealed, _CONTEXT), type=LoginUnderWay)
        except (ValueError, Undecipherable) as exc:
            raise NoLogin("no login is under way in this browser") from exc

    def _subject_of(self, token: str, keys: Any, nonce: str, now: datetime) -> str:
        """Check an ID token as OpenID Connect Core 1.0 asks in 3.1.3.7."""
        rules = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self._client.issuer},
            aud={"essential": True, "value": self._client.client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = jwt.decode(token, KeySet.import_key_set(keys), algorithms=_ALGORITHMS).claims
            rules.validate(claims)
        except (JoseError, ValueError, KeyError, TypeError) as exc:
            raise NoLogin(f"the ID token is not good ({type(exc).__name__})") from exc
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or "azp" in claims) and claims.get("azp") != self._client.client_id:
            raise NoLogin("the ID token is for somebody else")
        subject = claims.get(self._client.claim)
        if not isinstance(subject, str) or not subject:
            raise NoLogin(f"the ID token has no claim {self._client.claim}")
        return subject

    async def _known(self, now: datetime) -> _Provider:
        async with self._reading:
            if self._provider is None or now - self._provider.read_at > KNOWN_FOR:
                self._provider = await self._discovered(now)
        return self._provider

    async def _discovered(self, now: datetime) -> _Provider:
        found = await self._ask("GET", f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self._client.issuer:
            raise ProviderAway("its discovery document is another issuer's")
        try:
            return _Provider(
                found["authorization_endpoint"], found["token_endpoint"], found["jwks_uri"], read_at=now
            )
        except KeyError as exc:
            raise ProviderAway(f"its discovery document has no {exc.args[0]}") from exc

    async def _ask(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        """Ask the provider; what it refuses of a login (400 to 403) is NoLogin, all else ProviderAway."""
        try:
            async with httpx.AsyncClient(timeout=ANSWERS_WITHIN_S, follow_redirects=False) as client:
                answer = await client.request(method, url, **more)
            if method == "POST" and answer.status_code in (400, 401, 403):
                raise NoLogin("the provider did not take the code")
            answer.raise_for_status()
            found = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as exc:
            raise ProviderAway(f"{type(exc).__name__}") from exc
        if not isinstance(found, dict):
            raise ProviderAway("its answer is no JSON object")
        return found
