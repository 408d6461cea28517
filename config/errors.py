"""Problems: domain exceptions that say what, where and how to mend, as problem+json (RFC 9457)."""

from __future__ import annotations

from typing import Any

PROBLEM_JSON = "application/problem+json"


class Problem(Exception):
    """Something the caller must be told. `detail` is shown; `code` is for programs."""

    status = 500
    title = "Something went wrong"
    code = "internal"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        errors: list[dict[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.code = code or self.code
        self.errors = errors
        self.headers = headers or {}
        self.extra = extra

    def as_dict(self, trace_id: str = "") -> dict[str, Any]:
        body: dict[str, Any] = {
            "type": f"urn:concord:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "trace_id": trace_id,
            **self.extra,
        }
        if self.errors:
            body["errors"] = self.errors
        return body


class BadRequest(Problem):
    status, title, code = 400, "The request can't be understood", "bad_request"


class Unauthorized(Problem):
    status, title, code = 401, "Sign in first", "unauthorized"

    def __init__(self, detail: str = "", **kwargs: Any) -> None:
        super().__init__(detail, **kwargs)
        self.headers.setdefault("WWW-Authenticate", "Bearer")


class PaymentRequired(Problem):
    status, title, code = 402, "The budget is used up", "budget"


class Forbidden(Problem):
    status, title, code = 403, "Not allowed", "forbidden"


class NotFound(Problem):
    status, title, code = 404, "Not found", "not_found"


class MethodNotAllowed(Problem):
    status, title, code = 405, "Method not allowed", "method_not_allowed"


class Conflict(Problem):
    status, title, code = 409, "In conflict with what is there", "conflict"


class TooLarge(Problem):
    status, title, code = 413, "Too large", "too_large"


class Invalid(Problem):
    status, title, code = 422, "The input is not valid", "invalid"


class TooManyRequests(Problem):
    status, title, code = 429, "Too many requests", "too_many_requests"


class Unavailable(Problem):
    status, title, code = 503, "Not available right now", "unavailable"


_BY_STATUS = {
    cls.status: cls
    for cls in (
        BadRequest,
        Unauthorized,
        PaymentRequired,
        Forbidden,
        NotFound,
        MethodNotAllowed,
        Conflict,
        TooLarge,
        Invalid,
        TooManyRequests,
        Unavailable,
    )
}


def problem_for(status: int, detail: str = "") -> Problem:
    """The problem that fits an HTTP status, for errors that arrive as a bare response."""
    found = _BY_STATUS.get(status)
    if found is not None:
        return found(detail)
    problem = BadRequest(detail) if 400 <= status < 500 else Problem(detail)
    problem.status = status
    return problem
