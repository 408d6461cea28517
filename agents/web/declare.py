"""What a page declares about authority: `@page(Scope.X)` or `@public_page("why")`.

A guard test walks the pages: one that declares nothing fails it. `@page` signs in whoever isn't,
refuses whoever lacks the scope, and turns the services' problems into the pages for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.utils.cache import add_never_cache_headers

from config.errors import Forbidden, NotFound
from tenants.accounts.principal import Principal, of_member
from tenants.accounts.scopes import Scope

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Declared:
    """`scope` None: open to everyone, for the reason in `why`."""

    scope: Scope | None
    why: str = ""


def page(scope: Scope, *, methods: tuple[str, ...] = ("GET",)) -> Callable[[View], View]:
    """A page for signed-in members with `scope`. The view finds the member's rights by `who`."""
    allowed = (*methods, "HEAD") if "GET" in methods else methods

    def declare(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _sign_in_first(request)
            principal = of_member(request.user)
            if not principal.may(scope):
                raise PermissionDenied(f"This page needs the scope {scope}.")
            if request.method not in allowed:
                return HttpResponseNotAllowed(allowed)
            request.principal = principal  # type: ignore[attr-defined]
            try:
                response = view(request, *args, **kwargs)
            except NotFound as problem:
                raise Http404(problem.detail) from None
            except Forbidden as problem:
                raise PermissionDenied(problem.detail) from None
            # What one member saw must not come back from a cache after they signed out.
            add_never_cache_headers(response)
            return response

        guarded.declared = Declared(scope)  # type: ignore[attr-defined]
        return guarded

    return declare


def public_page(why: str) -> Callable[[View], View]:
    """A page open to everyone, with the reason."""

    def declare(view: View) -> View:
        @wraps(view)
        def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            return view(request, *args, **kwargs)

        opened.declared = Declared(None, why)  # type: ignore[attr-defined]
        return opened

    return declare


def who(request: HttpRequest) -> Principal:
    """The member asking, in a view declared with `page`."""
    found: Principal = request.principal  # type: ignore[attr-defined]
    return found


def is_htmx(request: HttpRequest) -> bool:
    """Whether a part of a page is asked for, by htmx, instead of a whole one."""
    return request.headers.get("HX-Request") == "true"


def _sign_in_first(request: HttpRequest) -> HttpResponseBase:
    if not is_htmx(request):
        return redirect_to_login(request.get_full_path())
    # A part: the page around it goes to the sign-in, and comes back as a whole.
    around = urlsplit(request.headers.get("HX-Current-URL", "")).path or "/"
    response = HttpResponse(status=401)
    response["HX-Redirect"] = redirect_to_login(around).url
    return response
