"""Who asks: every repository call names its principal, and sees only that one's depots or own things."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody is to the company; a person has one role."""

    CUSTOMER = "customer"
    SHIPPER = "shipper"
    DRIVER = "driver"
    WAREHOUSE = "warehouse"
    CUSTOMER_SERVICE = "customer_service"
    DISPATCHER = "dispatcher"
    MANAGER = "manager"
    ADMIN = "admin"


class Scope(StrEnum):
    """What an API key may be used for."""

    ORDERS_READ = "orders:read"
    ORDERS_WRITE = "orders:write"
    SHARE_LINKS = "share_links:write"


OWNERS = frozenset({Role.CUSTOMER, Role.SHIPPER, Role.DRIVER})
"""Roles that see single orders, theirs, and nothing else of a depot."""

READS_CONTACTS = frozenset(Role) - {Role.WAREHOUSE}
"""Roles that see whom an order goes to."""


@dataclass(frozen=True, slots=True)
class Own:
    """Whose orders count as somebody's own; exactly one is set.

    shipper_id: those it sent; driver_id: those on its trips; phone_index: those to that phone number.
    """

    shipper_id: int | None = None
    driver_id: int | None = None
    phone_index: bytes | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """A person or process acting on the data, with the depots it may see (None: all of them).

    `own` narrows that to single orders; `scopes` is what an API key is good for (None: it is no API key).
    """

    name: str
    role: str
    depot_ids: tuple[int, ...] | None = None
    own: Own | None = None
    scopes: frozenset[Scope] | None = None
    user_id: int | None = None

    @property
    def depots(self) -> list[int] | None:
        """Depot ids as the SQL parameter `:depots`; None lifts the filter."""
        return None if self.depot_ids is None else list(self.depot_ids)

    @property
    def shipper_id(self) -> int | None:
        """The shipper whose orders these are, where a shipper acts."""
        return None if self.own is None else self.own.shipper_id

    @property
    def reads_contacts(self) -> bool:
        """Whether names, phone numbers and addresses are shown."""
        return self.role in READS_CONTACTS


def process_principal(name: str) -> Principal:
    """One of our own processes, which sees every depot."""
    return Principal(name=name, role="process")
