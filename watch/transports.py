"""How a notice leaves: a signed webhook, or an e-mail. Carriers of SMS and WeChat are webhooks, too."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from hashlib import sha256
from typing import Protocol

import aiosmtplib
import httpx

SECRET_PREFIX = "whsec_"
GONE = 410


class Undelivered(Exception):
    """The other side did not take it. `status` is its answer, if it gave one."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Mail:
    """An e-mail."""

    to: str
    subject: str
    text: str


class Transports(Protocol):
    """What can carry notices. Both raise Undelivered."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Post to an endpoint; returns the status of the answer, which is 2xx."""

    async def mail(self, mail: Mail) -> None:
        """Send an e-mail."""


def signature_headers(message_id: str, at: datetime, body: bytes, secret: str) -> dict[str, str]:
    """The headers of Standard Webhooks: HMAC-SHA-256 over id, timestamp and body.

    secret: `whsec_` and base64. Source: standardwebhooks.com, "Signature scheme".
    """
    timestamp = str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key, signed, sha256).digest()).decode("ascii")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
        "content-type": "application/json",
    }


class Network:
    """The real transports."""

    def __init__(self, client: httpx.AsyncClient, smtp_url: str | None, mail_from: str) -> None:
        self._client = client
        self._smtp = None if smtp_url is None else httpx.URL(smtp_url)
        self._mail_from = mail_from

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Post to an endpoint; redirects are not followed."""
        try:
            response = await self._client.post(url, content=body, headers=dict(headers))
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise Undelivered(f"{type(exc).__name__}") from exc
        if not response.is_success:
            raise Undelivered(f"answered {response.status_code}", response.status_code)
        return response.status_code

    async def mail(self, mail: Mail) -> None:
        """Send an e-mail through the configured server."""
        if self._smtp is None:
            raise Undelivered("no mail server is configured (ZAITU_SMTP_URL)")
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._mail_from, mail.to, mail.subject
        message.set_content(mail.text)
        secure = self._smtp.scheme == "smtps"
        try:
            await aiosmtplib.send(
                message,
                hostname=self._smtp.host,
                port=self._smtp.port or (465 if secure else 25),
                username=self._smtp.username or None,
                password=self._smtp.password or None,
                use_tls=secure,
                timeout=15,
            )
        except (aiosmtplib.SMTPException, OSError) as exc:
            raise Undelivered(f"{type(exc).__name__}") from exc
