"""Every error of the API as problem+json, mapped here and nowhere else."""

from __future__ import annotations

import logging
from typing import Any

import orjson
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import Resolver404
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from config.errors import (
    PROBLEM_JSON,
    BadRequest,
    Invalid,
    NotFound,
    Problem,
    TooLarge,
    Unavailable,
    problem_for,
)
from config.metrics import PROBLEMS
from config.trace import trace_id
from tenants.outage import AWAY, database_away

log = logging.getLogger(__name__)


def problem_response(problem: Problem) -> HttpResponse:
    PROBLEMS.labels(problem.code).inc()
    response = HttpResponse(
        orjson.dumps(problem.as_dict(trace_id())),
        status=problem.status,
        content_type=PROBLEM_JSON,
    )
    for name, value in problem.headers.items():
        response[name] = value
    return response


def as_problem(error: BaseException) -> Problem:
    """The problem to show for any exception; what is not made to be shown is only logged."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ValidationError):
        return _invalid(error.errors)
    if isinstance(error, HttpError):
        if error.status_code == 400 and "parse" in str(error).lower():
            return BadRequest("The body is not valid JSON.", code="malformed_json")
        return problem_for(error.status_code, str(error))
    if isinstance(error, RequestDataTooBig):
        return TooLarge(str(error))
    if isinstance(error, (Http404, Resolver404)):
        return NotFound("There is nothing at this address.", code="no_route")
    if isinstance(error, (OperationalError, PoolTimeout)) or database_away(error):
        log.error("database: %s: %s", type(error).__name__, error)
        return Unavailable(AWAY, headers={"Retry-After": "2"})
    log.exception("unexpected error", exc_info=error)
    return Problem("An unexpected error happened; it is logged under the trace id.")


def _invalid(errors: list[dict[str, Any]]) -> Problem:
    """Which field, and what is wrong with it. The value sent is not repeated."""
    shown = []
    for error in errors:
        # Ninja puts the parameter's name after "body"; callers know no such level.
        where = [str(part) for part in error.get("loc", ())]
        if len(where) > 1 and where[0] == "body" and where[1] in ("body", "data", "payload"):
            where = [where[0], *where[2:]]
        shown.append({"loc": where, "msg": error.get("msg", ""), "type": error.get("type", "")})
    first = shown[0] if shown else {"loc": [], "msg": "not valid"}
    place = ".".join(first["loc"])
    return Invalid(f"{place}: {first['msg']}" if place else str(first["msg"]), errors=shown)


def install_handlers(api: NinjaAPI) -> None:
    def handle(request: HttpRequest, error: Any) -> HttpResponse:
        return problem_response(as_problem(error))

    for kind in (Problem, ValidationError, HttpError, Http404, Exception):
        api.add_exception_handler(kind, handle)
