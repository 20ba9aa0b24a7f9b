"""Contacts: the only home of personal data, every field encrypted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

import msgspec

from domain.access import Principal
from store.cipher import Cipher
from store.pool import Connection
from store.queries import load

_queries = load("contacts")
TAIL_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody an order goes to; `point` is (latitude, longitude) in WGS-84 degrees."""

    name: str | None
    phone: str | None
    address: str | None
    point: tuple[float, float] | None
    email: str | None = None
    language: str = "zh-CN"


async def add(
    connection: Connection,
    principal: Principal,
    cipher: Cipher,
    *,
    public_id: UUID,
    depot_id: int,
    contact: Contact,
) -> int:
    """Store a contact encrypted and return its contact_id; the depot is one of the principal's."""
    if principal.depot_ids is not None and depot_id not in principal.depot_ids:
        raise ValueError("the depot is not one of the principal's")
    point = None if contact.point is None else msgspec.json.encode(contact.point)
    contact_id = await _queries.add(
        connection,
        public_id=public_id,
        depot_id=depot_id,
        key_id=cipher.key_id,
        name_cipher=_sealed(cipher, public_id, "name", _bytes(contact.name)),
        phone_cipher=_sealed(cipher, public_id, "phone", _bytes(contact.phone)),
        address_cipher=_sealed(cipher, public_id, "address", _bytes(contact.address)),
        point_cipher=_sealed(cipher, public_id, "point", point),
        email_cipher=_sealed(cipher, public_id, "email", _bytes(contact.email)),
        language=contact.language,
        phone_index=None if contact.phone is None else cipher.blind_index(phone_digits(contact.phone)),
        phone_tail_index=None if contact.phone is None else phone_tail_index(cipher, contact.phone),
    )
    return int(contact_id)


async def get(
    connection: Connection, principal: Principal, cipher: Cipher, contact_id: int
) -> Contact | None:
    """A contact in the clear; None when it was erased or the principal may not see it."""
    row = await _queries.get(connection, depots=principal.depots, contact_id=contact_id)
    if row is None:
        return None
    name, phone, address, point, email = (
        _opened(cipher, row["public_id"], field, row[f"{field}_cipher"])
        for field in ("name", "phone", "address", "point", "email")
    )
    return Contact(
        name=None if name is None else name.decode(),
        phone=None if phone is None else phone.decode(),
        address=None if address is None else address.decode(),
        point=None if point is None else msgspec.json.decode(point, type=tuple[float, float]),
        email=None if email is None else email.decode(),
        language=row["language"],
    )


def opened_phone(cipher: Cipher, public_id: UUID, phone_cipher: bytes) -> str:
    """The phone number of a stored contact, as `phone_digits`."""
    return phone_digits(cipher.decrypt(phone_cipher, _context(public_id, "phone")).decode()).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def phone_digits(phone: str) -> bytes:
    """A phone number as it is looked up: without separators, and without China's country code."""
    digits = re.sub(r"[^0-9+]", "", phone)
    return re.sub(r"^(\+|00)86(?=\d{7,11}$)", "", digits).encode()


def phone_tail_index(cipher: Cipher, phone: str) -> bytes | None:
    """The keyed hash of a number's last four digits; None where it has fewer."""
    digits = phone_digits(phone)[-TAIL_DIGITS:]
    return cipher.blind_index(b"tail:" + digits) if len(digits) == TAIL_DIGITS else None


def _context(public_id: UUID, field: str) -> bytes:
    return f"contact.{field}:{public_id}".encode()


def _sealed(cipher: Cipher, public_id: UUID, field: str, value: bytes | None) -> bytes | None:
    return None if value is None else cipher.encrypt(value, _context(public_id, field))


def _opened(cipher: Cipher, public_id: UUID, field: str, sealed: bytes | None) -> bytes | None:
    return None if sealed is None else cipher.decrypt(sealed, _context(public_id, field))
