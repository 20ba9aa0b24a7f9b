"""What requests name beside their path, read from the OpenAPI document, so that no new field is forgotten."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from depot_things import Things

Schema = dict[str, Any]

NAMED_BY = {
    **{f"{noun}_id": noun for noun in ("depot", "vehicle", "trip", "geofence", "shipper", "order", "driver")},
    "depot_ids": "depot",
    "ids": "rejected",
    "superior": "login",
    "package_code": "package",
}
"""Fields that name a thing, and which."""

NAMED_IN_PLACES = {
    ("POST /v1/customers/export", "phone"): "phone",
    ("POST /v1/customers/erasure", "phone"): "phone",
    ("GET /v1/search", "q"): "number",
    ("GET /v1/orders/board", "q"): "number",
    ("GET /v1/codes", "code"): "number",
    ("GET /v1/orders", "number"): "number",
    ("GET /v1/orders", "channel_reference"): "reference",
    ("GET /v1/rejected", "device"): "device_name",
}
"""Fields that name a thing there, and elsewhere are what one is called or says."""

_TEXTS = """
actor address amount_class approach_m bbox candidate channel channel_reference client_key code
customer_level days duties email events expires_in_days expires_in_s from from_seq kind label limit login
max_points name near new note number offset_ms oidc_subject old operator overlap_hours password per_column
phone production_at profit_class proof purpose q rank reason role signed_by sku source_key specification
stage stop_seq text time_zone to to_seq trouble type url waybill
"""
SAY_SOMETHING = frozenset(_TEXTS.split())
"""Texts and whole numbers that name nothing of anybody's."""

PAGES = frozenset({"after"})
"""Where a list goes on: whatever is given, the list shows what one may see."""

# Of two fields that exclude each other, naming one leaves out the other.
INSTEAD_OF = {"phone": ["order_id"], "order_id": ["phone"], "geofence_id": ["lat", "lon"], "ids": ["reason"]}


@dataclass(frozen=True, slots=True)
class Naming:
    """A field of a route's body (by JSON pointer, * for any item) or query that names such a thing."""

    route: str
    place: str
    thing: str

    @property
    def field(self) -> str:
        return [part for part in self.place.split("/") if part != "*"][-1].removeprefix("?")

    def value_of(self, things: Things) -> Any:
        value = getattr(things, self.thing)
        return int(value) if self.thing == "rejected" else value

    def query(self, things: Things) -> dict[str, Any]:
        """The query that names this thing; empty where the body does."""
        return {self.field: self.value_of(things)} if self.place.startswith("?") else {}

    def body(self, given: Any, things: Things) -> Any:
        """The body given, with this field naming this thing."""
        if self.place.startswith("?"):
            return given
        body = deepcopy(given) if given is not None else {}
        _put(body, self.place.split("/")[1:], self.value_of(things))
        return body


def _put(part: Any, way: list[str], value: Any) -> None:
    name, *rest = way
    for other in INSTEAD_OF.get(name, []):
        part.pop(other, None)
    if not rest:
        part[name] = value
    elif rest == ["*"]:
        part[name] = [value]
    elif rest[0] == "*":
        part.setdefault(name, [])
        if not part[name]:
            part[name].append({})
        _put(part[name][0], rest[1:], value)
    else:
        _put(part.setdefault(name, {}), rest, value)


class Unclassified(Exception):
    """A field of which nobody has said whether it names a thing."""


def namings(document: Schema, routes: Collection[str]) -> list[Naming]:
    """Every field of these routes that names a thing; Unclassified where nobody has said what one is."""
    fields = (field for field in _fields(document) if field[0] in routes)
    found = [naming for route, place, schema in fields for naming in _naming(route, place, schema)]
    return sorted(found, key=lambda naming: (naming.route, naming.place))


def _naming(route: str, place: str, schema: Schema) -> Iterator[Naming]:
    naming = Naming(route, place, "")
    name = naming.field
    thing = NAMED_IN_PLACES.get((route, name)) or NAMED_BY.get(name)
    if thing is not None:
        yield Naming(route, place, thing)
    elif not _says_something(name, schema):
        raise Unclassified(
            f"{route} has a field {place}: say in tests/integration/named_things.py whether it names a thing."
        )


def _says_something(name: str, schema: Schema) -> bool:
    if name in PAGES or "enum" in schema or "const" in schema:
        return True
    if schema.get("format") == "uuid":
        return False
    if schema.get("format") in ("date-time", "binary"):
        return True
    if schema.get("type") in ("number", "boolean", "object", "array"):
        return not name.endswith(("_id", "_ids"))
    return name in SAY_SOMETHING


def _fields(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    """Route, place and schema of every field that holds no others."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            route = f"{method.upper()} {path}"
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "query":
                    for _, schema in _leaves(document, parameter["schema"], ""):
                        yield route, f"?{parameter['name']}", schema
            for described in operation.get("requestBody", {}).get("content", {}).values():
                for place, schema in _leaves(document, described["schema"], ""):
                    if place:
                        yield route, place, schema


def _leaves(document: Schema, schema: Schema, place: str) -> Iterator[tuple[str, Schema]]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    parts = [part for key in ("anyOf", "oneOf", "allOf") for part in schema.get(key, [])]
    for part in parts:
        yield from _leaves(document, part, place)
    if "items" in schema:
        yield from _leaves(document, schema["items"], f"{place}/*")
    for name, inner in schema.get("properties", {}).items():
        yield from _leaves(document, inner, f"{place}/{name}")
    if not parts and "items" not in schema and "properties" not in schema and schema.get("type") != "null":
        yield place, schema
