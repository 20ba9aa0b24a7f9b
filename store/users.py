"""People who log in, the shippers some of them belong to, and who drives a trip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.access import Own, Principal, Role
from store.cipher import Cipher
from store.contacts import phone_digits
from store.errors import Conflict, NotFound
from store.pool import Connection
from store.queries import load

_queries = load("users")


@dataclass(frozen=True, slots=True)
class NewUser:
    """Somebody to add; a customer has a phone, a shipper's person a shipper, all but admins depots."""

    public_id: UUID
    login: str
    role: Role
    depot_ids: tuple[int, ...] = ()
    password_hash: str | None = None
    oidc_subject: str | None = None
    name: str | None = None
    phone: str | None = None
    superior_login: str | None = None
    shipper_id: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """What logging in needs to know of somebody."""

    user_id: int
    public_id: UUID
    login: str
    role: Role
    password_hash: str | None
    sessions_from: datetime
    disabled: bool
    depot_ids: tuple[int, ...]
    shipper_id: int | None
    driver_id: int | None
    phone_index: bytes | None

    def principal(self) -> Principal:
        """As whom this person acts: admins see every depot, customers and drivers only their own orders."""
        own = None
        depots: tuple[int, ...] | None = self.depot_ids
        match self.role:
            case Role.ADMIN:
                depots = None
            case Role.SHIPPER:
                own = Own(shipper_id=self.shipper_id)
            case Role.DRIVER:
                own, depots = Own(driver_id=self.driver_id), ()
            case Role.CUSTOMER:
                own, depots = Own(phone_index=self.phone_index), ()
            case _:
                pass
        return Principal(name=self.login, role=self.role, depot_ids=depots, own=own, user_id=self.user_id)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody as administrators see them."""

    user_id: int
    public_id: UUID
    login: str
    role: str
    name: str | None
    depot_public_ids: list[UUID]
    shipper_public_id: UUID | None
    superior_login: str | None
    duties: list[str] | None
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Shipper:
    """A company that sends orders."""

    shipper_id: int
    public_id: UUID
    depot_public_id: UUID
    depot_id: int
    code: str
    created_at: datetime
    disabled_at: datetime | None


async def create(connection: Connection, cipher: Cipher, new: NewUser, now: datetime) -> int:
    """Add somebody and return the user_id; Conflict (at the border) when the login is taken.

    Raises Conflict for a role without what it needs: a customer's phone, a shipper, a depot.
    """
    _refuse_incomplete(new)
    superior_id = None if new.superior_login is None else await _id_of(connection, new.superior_login)
    driver_id = None
    if new.role is Role.DRIVER:
        driver_id = await _queries.add_driver(
            connection, public_id=new.public_id, depot_id=new.depot_ids[0], code=new.login
        )
    phone_index = None if new.phone is None else cipher.blind_index(phone_digits(new.phone))
    user_id = await _queries.create(
        connection,
        public_id=new.public_id,
        login=new.login,
        role=new.role.value,
        password_hash=new.password_hash,
        oidc_subject=new.oidc_subject,
        name_cipher=_sealed(cipher, new.public_id, "name", new.name),
        phone_cipher=_sealed(cipher, new.public_id, "phone", new.phone),
        phone_index=phone_index if new.role is Role.CUSTOMER else None,
        superior_id=superior_id,
        shipper_id=new.shipper_id,
        driver_id=driver_id,
        now=now,
    )
    await _queries.set_depots(connection, user_id=user_id, depot_ids=sorted(set(new.depot_ids)))
    return int(user_id)


def _refuse_incomplete(new: NewUser) -> None:
    if (new.role is Role.SHIPPER) != (new.shipper_id is not None):
        raise Conflict("A person of the role shipper belongs to a shipper, and nobody else does.")
    if new.role is Role.CUSTOMER and new.phone is None:
        raise Conflict("A customer needs a phone number: its orders are found by it.")
    if new.role not in (Role.ADMIN, Role.CUSTOMER) and not new.depot_ids:
        raise Conflict(f"A person of the role {new.role} needs at least one depot.")


async def by_login(connection: Connection, login: str) -> Account | None:
    """Whoever has this login, disabled or not."""
    return await _account(connection, login=login)


async def by_oidc_subject(connection: Connection, subject: str) -> Account | None:
    """Whoever the identity provider calls by this subject."""
    return await _account(connection, oidc_subject=subject)


async def by_public_id(connection: Connection, public_id: UUID) -> Account | None:
    """Whoever has this public id."""
    return await _account(connection, public_id=public_id)


async def get(connection: Connection, cipher: Cipher, public_id: UUID) -> User:
    """One person; NotFound when there is none."""
    rows = _queries.list_page(connection, only=public_id, after=None, limit_rows=1)
    async for row in rows:
        return _user(cipher, row)
    raise NotFound(f"There is no user {public_id}.")


async def list_page(
    connection: Connection, cipher: Cipher, *, after: UUID | None = None, limit: int
) -> list[User]:
    """People in the order they were added, from the one after `after`."""
    rows = _queries.list_page(connection, only=None, after=after, limit_rows=limit)
    return [_user(cipher, row) async for row in rows]


async def set_password(connection: Connection, user_id: int, password_hash: str, now: datetime) -> None:
    """Give somebody a new password, and end their sessions."""
    await _queries.set_password(connection, user_id=user_id, password_hash=password_hash, now=now)
    await _queries.revoke_refresh_tokens(connection, user_id=user_id, now=now)


async def set_name(connection: Connection, cipher: Cipher, account: Account, name: str) -> None:
    """Say what somebody is called."""
    sealed = _sealed(cipher, account.public_id, "name", name)
    await _queries.set_name(connection, user_id=account.user_id, name_cipher=sealed)


async def set_phone(connection: Connection, cipher: Cipher, account: Account, phone: str) -> None:
    """Say where somebody can be called; a customer's orders are from now on those to this number."""
    await _queries.set_phone(
        connection,
        user_id=account.user_id,
        phone_cipher=_sealed(cipher, account.public_id, "phone", phone),
        phone_index=cipher.blind_index(phone_digits(phone)) if account.role is Role.CUSTOMER else None,
    )


async def set_disabled(connection: Connection, user_id: int, now: datetime, *, disabled: bool) -> None:
    """Keep somebody out at once, or let them in again."""
    await _queries.set_disabled(connection, user_id=user_id, disabled=disabled, now=now)
    await _queries.revoke_refresh_tokens(connection, user_id=user_id, now=now)


async def set_depots(connection: Connection, user_id: int, depot_ids: Sequence[int]) -> None:
    """Say which depots somebody sees."""
    await _queries.set_depots(connection, user_id=user_id, depot_ids=sorted(set(depot_ids)))


async def set_superior(connection: Connection, user_id: int, login: str) -> None:
    """Say to whom somebody's overdue work goes; NotFound when nobody has the login."""
    superior_id = await _id_of(connection, login)
    if superior_id == user_id:
        raise Conflict("Nobody is their own superior.")
    await _queries.set_superior(connection, user_id=user_id, superior_id=superior_id)


async def end_sessions(connection: Connection, user_id: int, now: datetime) -> None:
    """Void every token somebody has."""
    await _queries.end_sessions(connection, user_id=user_id, now=now)
    await _queries.revoke_refresh_tokens(connection, user_id=user_id, now=now)


async def add_shipper(
    connection: Connection, *, public_id: UUID, depot_id: int, code: str, now: datetime
) -> None:
    """Add a shipper to a depot the caller has looked up for its principal."""
    await _queries.add_shipper(connection, public_id=public_id, depot_id=depot_id, code=code, now=now)


async def shippers(connection: Connection, principal: Principal) -> list[Shipper]:
    """The shippers of the principal's depots, oldest first."""
    rows = _queries.shippers(connection, depots=principal.depots, only=None)
    return [Shipper(**row) async for row in rows]


async def shipper(connection: Connection, principal: Principal, public_id: UUID) -> Shipper:
    """One shipper; NotFound when there is none or the principal may not see it."""
    async for row in _queries.shippers(connection, depots=principal.depots, only=public_id):
        return Shipper(**row)
    raise NotFound(f"There is no shipper {public_id}.")


async def set_trip_driver(
    connection: Connection, principal: Principal, trip: UUID, driver: UUID | None
) -> int:
    """Say who drives a trip (None: nobody known) and return its trip_id; NotFound for either unknown."""
    if driver is not None:
        account = await by_public_id(connection, driver)
        if account is None or account.role is not Role.DRIVER or account.disabled:
            raise NotFound(f"There is no driver {driver}.")
        if principal.depot_ids is not None and not set(principal.depot_ids) & set(account.depot_ids):
            raise NotFound(f"There is no driver {driver}.")
    trip_id = await _queries.set_trip_driver(connection, trip=trip, driver=driver, depots=principal.depots)
    if trip_id is None:
        raise NotFound(f"There is no trip {trip}.")
    return int(trip_id)


async def _id_of(connection: Connection, login: str) -> int:
    found = await _queries.id_of(connection, login=login)
    if found is None:
        raise NotFound(f"Nobody has the login {login}.")
    return int(found)


async def _account(
    connection: Connection,
    login: str | None = None,
    oidc_subject: str | None = None,
    public_id: UUID | None = None,
) -> Account | None:
    rows = _queries.account(connection, login=login, oidc_subject=oidc_subject, public_id=public_id)
    async for row in rows:
        values = dict(row)
        role, depots = Role(values.pop("role")), tuple(values.pop("depot_ids"))
        return Account(**values, role=role, depot_ids=depots)
    return None


def _user(cipher: Cipher, row: Any) -> User:
    values = dict(row)
    name = opened_field(cipher, values["public_id"], "name", values.pop("name_cipher"))
    return User(**values, name=name)


def opened_field(cipher: Cipher, public_id: UUID, field: str, sealed: bytes | None) -> str | None:
    """Somebody's sealed `name` or `phone` in the clear."""
    return None if sealed is None else cipher.decrypt(sealed, _context(public_id, field)).decode()


def _context(public_id: UUID, field: str) -> bytes:
    return f"app_user.{field}:{public_id}".encode()


def _sealed(cipher: Cipher, public_id: UUID, field: str, text: str | None) -> bytes | None:
    return None if text is None else cipher.encrypt(text.encode(), _context(public_id, field))
