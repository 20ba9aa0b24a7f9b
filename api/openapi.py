"""The OpenAPI document, with errors described as what they are: problems."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.access_rules import PUBLIC, RULES
from api.problems import MEDIA_TYPE, Problem

_TEMPLATE = "#/components/schemas/{model}"
# Whatever is asked: ids that name nothing, wrong parameters, too many requests, no database.
_ALWAYS = (
    HTTPStatus.NOT_FOUND,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_OF_GUARDED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_OF_BODIES = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)


def problem(status: HTTPStatus) -> dict[str, Any]:
    """An error of this status as the document describes it."""
    content = {MEDIA_TYPE: {"schema": {"$ref": _TEMPLATE.format(model="Problem")}}}
    return {"description": status.phrase, "content": content}


def install(app: FastAPI) -> None:
    """Describe `app` with problems for errors; made once, on the first request for it."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _with_problems(
                get_openapi(
                    title=app.title, version=app.version, description=app.description, routes=app.routes
                )
            )
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _with_problems(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    described = Problem.model_json_schema(ref_template=_TEMPLATE)
    schemas.update(described.pop("$defs"))
    schemas["Problem"] = described
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            is_public = RULES[f"{method.upper()} {path}"] is PUBLIC
            if is_public:
                operation.pop("security", None)
            if path.startswith("/v1/"):
                operation["responses"].update(_problems(method, operation, is_public=is_public))
    return document


def _problems(method: str, operation: dict[str, Any], *, is_public: bool) -> dict[str, Any]:
    statuses = [*_ALWAYS]
    if not is_public:
        statuses += _OF_GUARDED
    if method != "get":
        statuses.append(HTTPStatus.CONFLICT)
    if "requestBody" in operation:
        statuses += _OF_BODIES
    return {str(status.value): problem(status) for status in sorted(statuses)}
