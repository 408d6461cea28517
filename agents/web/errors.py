"""Error pages, in the product's look and without a database: it may be what failed."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from config.errors import Problem
from config.trace import trace_id

_TEMPLATE = "web/error.html"


def _page(status: int, title: str, detail: str) -> HttpResponse:
    # No request: context processors would load the member, and with them the database.
    context = {
        "status": status,
        "title": title,
        "detail": detail,
        "trace_id": trace_id(),
        "product_name": settings.PRODUCT_NAME,
    }
    return HttpResponse(render_to_string(_TEMPLATE, context), status=status)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(
        403,
        "This page is not open to you",
        "Your roles do not include what it needs. A member with the role owner can change them.",
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(
        404,
        "There is nothing here",
        "The address is wrong, or what was here is gone or belongs to someone else.",
    )


def server_error(request: HttpRequest) -> HttpResponse:
    return _page(
        500,
        "Something went wrong",
        "The error is logged. Try again; if it stays, give the number below to whoever runs this.",
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _page(
        403,
        "This form is out of date",
        "You may have signed in or out in another tab. Go back, reload the page and try again.",
    )


_REFUSALS = {
    "tenant_suspended": "This workplace is paused",
    "unknown_tenant": "Nobody is at home at this address",
}


def refused(problem: Problem, trace: str) -> bytes:
    """What the door tells a browser. A whole page: style sheets are behind the same door."""
    context = {
        "status": problem.status,
        "title": _REFUSALS.get(problem.code, problem.title),
        "detail": problem.detail,
        "trace_id": trace,
        "product_name": settings.PRODUCT_NAME,
    }
    return render_to_string("web/refused.html", context).encode()
