"""Sends what the outbox holds: at least once, never before commit, never inside a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import structlog

from domain.access import Principal
from domain.happenings import Happening
from domain.milestones import Evidence
from domain.retries import is_given_up, retry_at
from store import contacts, evidence, notices, share_links
from store.border import translated
from store.cipher import Cipher
from store.contacts import Contact
from store.errors import StoreError
from store.notices import BODY_CONTEXT, Notice
from store.pool import Connection, open_connection
from store.unit_of_work import unit_of_work
from watch.messages import Language, event_body, subject, text
from watch.transports import GONE, Mail, Transports, Undelivered, signature_headers

IDLE_S = 1.0
LINK_LASTS = timedelta(days=30)
_WITH_LINK = frozenset({"dispatched", "out_for_delivery", "link"})
_log = structlog.stdlib.get_logger(__name__)


class Unsendable(Exception):
    """No attempt will help until somebody changes something."""


Result = int | Undelivered | Unsendable | None
"""What became of an attempt: the status of the answer (None for an e-mail), or why it failed."""


class _Letter(msgspec.Struct):
    """What is sent, kept encrypted from the first attempt on: `to` is an e-mail's address, else empty."""

    body: str
    to: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends due notices. public_url: where customers' pages are, None for no links."""

    principal: Principal
    cipher: Cipher
    transports: Transports
    clock: Callable[[], datetime]
    new_token: Callable[[], str]
    public_url: str | None = None

    async def send_due(self, connection: Connection) -> int:
        """Send what is due, several at once; returns how many were tried."""
        async with unit_of_work(connection) as work:
            due = await notices.lease(work.connection, self.clock())
        letters = [await self._prepared(connection, notice) for notice in due]
        results = await asyncio.gather(
            *(self._try(notice, letter) for notice, letter in zip(due, letters, strict=True))
        )
        for notice, result in zip(due, results, strict=True):
            await self._settle(connection, notice, result)
        return len(due)

    async def _prepared(self, connection: Connection, notice: Notice) -> _Letter | Unsendable:
        """The letter as it was first written; written now if this is the first attempt."""
        if notice.body_cipher is not None:
            return msgspec.json.decode(self.cipher.decrypt(notice.body_cipher, BODY_CONTEXT), type=_Letter)
        async with unit_of_work(connection) as work:
            try:
                letter = await self._write(work.connection, notice)
            except Unsendable as exc:
                return exc
            sealed = self.cipher.encrypt(msgspec.json.encode(letter), BODY_CONTEXT)
            await notices.keep_body(work.connection, notice.notice_id, sealed)
        return letter

    async def _write(self, connection: Connection, notice: Notice) -> _Letter:
        link = await self._link(connection, notice)
        if notice.channel == "webhook":
            return _Letter(_json(event_body(notice, link)))
        contact = await self._contact(connection, notice)
        language: Language = "en" if contact.language == "en" else "zh-CN"
        words = text(notice, language, link)
        if notice.channel == "email":
            if contact.email is None:
                raise Unsendable("the contact has no e-mail address")
            return _Letter(words, contact.email, subject(notice, language))
        if contact.phone is None:
            raise Unsendable("the contact has no phone number")
        return _Letter(_json({"channel": notice.channel, "to": contact.phone, "text": words}))

    async def _contact(self, connection: Connection, notice: Notice) -> Contact:
        found = None
        if notice.contact_id is not None:
            found = await contacts.get(connection, self.principal, self.cipher, notice.contact_id)
        if found is None:
            raise Unsendable("the contact was erased")
        return found

    async def _link(self, connection: Connection, notice: Notice) -> str | None:
        if self.public_url is None or notice.event not in _WITH_LINK:
            return None
        token, now = self.new_token(), self.clock()
        await share_links.add(connection, notice.order_id, token, now + LINK_LASTS)
        return f"{self.public_url}/track/{token}"

    async def _try(
        self, notice: Notice, letter: _Letter | Unsendable
    ) -> int | Unsendable | Undelivered | None:
        """One attempt."""
        if isinstance(letter, Unsendable):
            return letter
        try:
            if notice.channel == "email":
                await self.transports.mail(Mail(letter.to, letter.subject, letter.body))
                return None
            return await self._post(notice, letter)
        except (Undelivered, Unsendable) as exc:
            return exc

    async def _post(self, notice: Notice, letter: _Letter) -> int:
        if notice.url is None or notice.secret_cipher is None or notice.disabled:
            raise Unsendable(f"no endpoint takes notices of channel {notice.channel}")
        secret = notices.opened_secret(self.cipher, notice.secret_cipher)
        body = letter.body.encode()
        headers = signature_headers(f"msg_{notice.public_id.hex}", self.clock(), body, secret)
        return await self.transports.post(notice.url, body, headers)

    async def _settle(self, connection: Connection, notice: Notice, result: Result) -> None:
        now = self.clock()
        error = None if result is None or isinstance(result, int) else str(result)
        status = result.status if isinstance(result, Undelivered) else result
        async with unit_of_work(connection) as work:
            await notices.log_delivery(
                work.connection, notice.notice_id, now, status if isinstance(status, int) else None, error
            )
            if error is None:
                await notices.mark_sent(work.connection, notice, now)
                if notice.event == "dispatched" and notice.recipient == "customer":
                    told = Evidence(Happening.CUSTOMER_TOLD, now, "watch", f"notice/{notice.public_id}")
                    await evidence.add(work.connection, self.cipher, notice.order_id, told)
                    await evidence.record_evidence(work, [notice.order_id], now)
                return
            again = None if isinstance(result, Unsendable) else retry_at(notice.attempts, now)
            since = await notices.mark_failed(work.connection, notice, now, error, again)
            if notice.endpoint_id is None or isinstance(result, Unsendable):
                return
            if status == GONE or (since is not None and is_given_up(since, now)):
                reason = "answered 410 Gone" if status == GONE else "failed for a day"
                await notices.disable(work.connection, notice.endpoint_id, now, reason)
                _log.warning("endpoint disabled", endpoint_id=notice.endpoint_id, reason=reason)


async def keep_sending(database_url: str, sender: Sender) -> None:
    """Send until cancelled; a lost connection is opened again. Several may run: leases keep them apart."""
    while True:
        try:
            with translated():
                connection = await open_connection(database_url)
                try:
                    while True:
                        if await sender.send_due(connection) == 0:
                            await asyncio.sleep(IDLE_S)
                finally:
                    connection.terminate()
        except StoreError as exc:
            _log.warning("outbox put off", reason=str(exc))
            await asyncio.sleep(IDLE_S)


def _json(content: object) -> str:
    return msgspec.json.encode(content).decode()
