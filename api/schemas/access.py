"""People, shippers, API keys and sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from api.schemas.base import Name, Request, Response
from domain.access import Role, Scope

LOGIN_PATTERN = r"^[a-z0-9][a-z0-9._-]{1,63}$"
Login = Field(min_length=2, max_length=64, pattern=LOGIN_PATTERN)
Password = Field(min_length=12, max_length=200)
Duties = Annotated[list[Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,63}$")]], Field(max_length=50)]
Phone = Field(default=None, min_length=4, max_length=40, pattern=r"^[+() .-]*([0-9][+() .-]*){4,}$")


class Tokens(Response):
    """What a login gives, as in OAuth 2.0."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int
    refresh_token: str


class Me(Response):
    """Who is logged in."""

    name: str
    role: Role
    scopes: list[str] | None


class NewPassword(Request):
    """A person's own new password."""

    old: str = Field(min_length=1, max_length=200)
    new: str = Password


class NewUser(Request):
    """Somebody who may log in; `login` is a pseudonym, never a name or address."""

    login: str = Login
    role: Role
    password: str | None = Field(default=None, min_length=12, max_length=200)
    oidc_subject: str | None = Field(
        default=None, min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$"
    )
    name: Name | None = None
    phone: str | None = Phone
    depot_ids: list[UUID] = Field(default=[], max_length=200)
    shipper_id: UUID | None = None
    superior: str | None = Field(default=None, min_length=2, max_length=64, pattern=LOGIN_PATTERN)
    duties: Duties | None = Field(default=None, description="default: what the rules say of the role")


class UserChange(Request):
    """What is to change about somebody; a new password or `disabled` ends their sessions at once."""

    password: str | None = Field(default=None, min_length=12, max_length=200)
    disabled: bool | None = None
    name: Name | None = None
    phone: str | None = Phone
    depot_ids: list[UUID] | None = Field(default=None, max_length=200)
    superior: str | None = Field(default=None, min_length=2, max_length=64, pattern=LOGIN_PATTERN)
    duties: Duties | None = Field(default=None, description="owners of clocks, as in the rules")


class User(Response):
    """Somebody who may log in."""

    id: UUID
    login: str
    role: Role
    name: str | None
    depot_ids: list[UUID]
    shipper_id: UUID | None
    superior: str | None
    duties: list[str] | None = Field(description="null: what the rules say of the role")
    created_at: datetime
    disabled_at: datetime | None


class NewShipper(Request):
    """A company that sends orders."""

    depot_id: UUID
    code: str = Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")


class Shipper(Response):
    """A company that sends orders."""

    id: UUID
    depot_id: UUID
    code: str
    created_at: datetime
    disabled_at: datetime | None


class NewApiKey(Request):
    """A key for a shipper's system."""

    shipper_id: UUID
    label: Name
    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope))
    expires_in_days: int = Field(default=90, ge=1, le=366)


class Rotation(Request):
    """A key's replacement; the old one works on for so long."""

    overlap_hours: float = Field(default=24, ge=0, le=24 * 30, allow_inf_nan=False)
    expires_in_days: int = Field(default=90, ge=1, le=366)


class ApiKey(Response):
    """A key without its secret."""

    id: UUID
    shipper_id: UUID
    label: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class AddedApiKey(Response):
    """A new key; `key` is shown only this once."""

    id: UUID
    key: str
    expires_at: datetime


class TripDriver(Request):
    """Who drives a trip; null: nobody known."""

    driver_id: UUID | None
