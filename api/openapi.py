"""The OpenAPI document, with errors described as what they are: problems."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.problems import MEDIA_TYPE, Problem

_TEMPLATE = "#/components/schemas/{model}"
_ALWAYS = (HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE)


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
        for operation in operations.values():
            if path.startswith("/v1/"):
                operation["responses"].update(_problems(operation))
    return document


def _problems(operation: dict[str, Any]) -> dict[str, Any]:
    statuses = [*_ALWAYS]
    if operation.get("security"):
        statuses.append(HTTPStatus.UNAUTHORIZED)
    if "requestBody" in operation:
        statuses += [HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE]
    content = {MEDIA_TYPE: {"schema": {"$ref": _TEMPLATE.format(model="Problem")}}}
    return {
        str(status.value): {"description": status.phrase, "content": content} for status in sorted(statuses)
    }
