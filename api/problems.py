"""Every error as problem details (RFC 9457): what is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from store.errors import Conflict, NotFound, StoreError, Unavailable, Unstorable

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
_MAX_ERRORS = 100


class FieldProblem(BaseModel):
    """One thing wrong in a request: at a JSON pointer of its body, or in a named parameter."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Problem(BaseModel):
    """Problem details as in RFC 9457; `errors` lists what is wrong with a request, field by field."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldProblem] | None = None


class ProblemResponse(JSONResponse):
    """A response that is a problem."""

    media_type = MEDIA_TYPE


class Refused(Exception):
    """A request the API itself turns down."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers


def unusable(detail: str, pointer: str) -> Refused:
    """A body whose value at `pointer` (JSON pointer) cannot be used."""
    return Refused(
        HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=[FieldProblem(detail=detail, pointer=pointer)]
    )


def problem_response(
    path: str,
    status: int,
    detail: str,
    *,
    errors: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    """The response that says what is wrong with a request to `path`."""
    title = HTTPStatus(status).phrase
    problem = Problem(
        type=f"urn:zaitu:problem:{title.lower().replace(' ', '-')}",
        title=title,
        status=status,
        detail=detail,
        instance=path,
        errors=list(errors) or None,
    )
    return ProblemResponse(problem.model_dump(exclude_none=True), status_code=status, headers=headers)


def install(app: FastAPI) -> None:
    """Answer every error of `app` with a problem."""
    app.exception_handler(Refused)(_refused)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(StoreError)(_store)
    app.exception_handler(Exception)(_unexpected)


async def _refused(request: Request, exc: Refused) -> ProblemResponse:
    return problem_response(
        request.scope["path"], exc.status, exc.detail, errors=exc.errors, headers=exc.headers
    )


async def _invalid(request: Request, exc: RequestValidationError) -> ProblemResponse:
    found = exc.errors()
    errors = [_field_problem(error) for error in found[:_MAX_ERRORS]]
    first = errors[0]
    where = first.pointer or first.parameter or "the request"
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return problem_response(
        request.scope["path"],
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"{where}: {first.detail}{more}",
        errors=errors,
    )


async def _http(request: Request, exc: HTTPException) -> ProblemResponse:
    return problem_response(
        request.scope["path"], exc.status_code, _http_detail(request, exc), headers=exc.headers
    )


async def _store(request: Request, exc: StoreError) -> ProblemResponse:
    path, detail = request.scope["path"], str(exc)
    if isinstance(exc, NotFound):
        return problem_response(path, HTTPStatus.NOT_FOUND, detail)
    if isinstance(exc, Conflict):
        return problem_response(path, HTTPStatus.CONFLICT, detail)
    if isinstance(exc, Unstorable):
        return problem_response(path, HTTPStatus.UNPROCESSABLE_ENTITY, detail)
    if isinstance(exc, Unavailable):
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        return problem_response(path, HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=headers)
    raise exc


async def _unexpected(request: Request, _exc: Exception) -> ProblemResponse:
    return problem_response(
        request.scope["path"],
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something went wrong here, not with the request. It was logged; try again later.",
    )


def _http_detail(request: Request, exc: HTTPException) -> str:
    if exc.detail != HTTPStatus(exc.status_code).phrase:
        return exc.detail
    if exc.status_code == HTTPStatus.NOT_FOUND:
        return "There is nothing at this address. The addresses are listed at /openapi.json."
    if exc.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return f"{request.method} is not possible at this address. What is, is listed at /openapi.json."
    return exc.detail


def _field_problem(error: Mapping[str, Any]) -> FieldProblem:
    """Where and why, never the value itself: it may be personal."""
    detail = str(error["msg"]).removeprefix("Value error, ")
    source, *rest = error["loc"]
    if source != "body":
        return FieldProblem(detail=detail, parameter=str(rest[0]) if rest else str(source))
    if error["type"] == "json_invalid":
        return FieldProblem(detail=f"the body is not JSON ({error['ctx']['error']})", pointer="")
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in rest)
    return FieldProblem(detail=detail, pointer="".join(f"/{part}" for part in parts))
