"""Who may log in to a demo: one person of each role, with passwords of this run alone."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from domain.access import Role
from runtime.demo.calls import ApiCalls

LOGINS = "demo-logins.json"
CUSTOMERS_PHONE = "138 0000 0001"
_NAMES: Mapping[Role, str] = {
    Role.CUSTOMER: "张伟",
    Role.SHIPPER: "李娜",
    Role.DRIVER: "王强",
    Role.WAREHOUSE: "刘洋",
    Role.CUSTOMER_SERVICE: "陈静",
    Role.DISPATCHER: "杨帆",
    Role.MANAGER: "赵敏",
    Role.ADMIN: "周杰",
}


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody whom everybody may be who can see the sign-in page of a demo."""

    login: str
    role: Role
    password: str = field(repr=False)


def draw(suffix: str) -> list[Login]:
    """A login for each role; `suffix` keeps them apart from others' in a database that is not the demo's."""
    return [
        Login(f"{role.value.replace('_', '-')}{suffix}", role, secrets.token_urlsafe(12)) for role in Role
    ]


def write(path: Path, logins: list[Login]) -> None:
    """Leave the logins for the API, which shows them on the sign-in page (ZAITU_DEMO_LOGINS)."""
    path.touch(mode=0o600, exist_ok=True)
    path.write_text(json.dumps([asdict(one) for one in logins], indent=2) + "\n", encoding="utf-8")


def let_in(api: ApiCalls, depot: str, code: str, logins: list[Login]) -> dict[Role, str]:
    """Add everybody, in one depot; their ids."""
    shipper = api.post("/v1/shippers", {"depot_id": depot, "code": f"SHOP-{code}"})["id"]
    ids: dict[Role, str] = {}
    for one in logins:
        body: dict[str, object] = {
            "login": one.login,
            "role": one.role,
            "password": one.password,
            "name": _NAMES[one.role],
        }
        body["phone"] = CUSTOMERS_PHONE if one.role is Role.CUSTOMER else f"139 0000 10{len(ids):02d}"
        if one.role not in (Role.ADMIN, Role.CUSTOMER):
            body |= {"depot_ids": [depot]}
        if one.role is Role.SHIPPER:
            body |= {"shipper_id": shipper}
        ids[one.role] = str(api.post("/v1/users", body)["id"])
    return ids
