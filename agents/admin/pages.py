"""Pages of the console beyond Django's own: a frame for each, and one page to confirm any verb."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import get_content_type_for_model
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from config.errors import Forbidden, Problem


@dataclass(frozen=True, slots=True)
class Confirm:
    """What a confirmation says. `typed`: the word that must be typed before it is done."""

    title: str
    text: str
    button: str
    dangerous: bool = False
    items: Sequence[Any] = ()
    typed: str = ""
    back: str = ""
    hidden: Sequence[tuple[str, str]] = field(default=())


def console_page(
    admin: ModelAdmin, request: HttpRequest, template: str, context: dict[str, Any]
) -> TemplateResponse:
    """A page within the console's frame: sidebar, header and bread crumbs of `admin`'s model."""
    request.current_app = admin.admin_site.name  # type: ignore[attr-defined]
    frame = {
        **admin.admin_site.each_context(request),
        "opts": admin.model._meta,
        "model_admin": admin,
        "has_view_permission": True,
        "media": admin.media,
    }
    return TemplateResponse(request, template, {**frame, **context})


def confirm_page(
    admin: ModelAdmin,
    request: HttpRequest,
    confirm: Confirm,
    original: Model | None = None,
    error: str = "",
) -> TemplateResponse:
    context = {"confirm": confirm, "title": confirm.title, "original": original, "error": error}
    return console_page(admin, request, "admin/console/confirm.html", context)


def found(admin: ModelAdmin, request: HttpRequest, object_id: str) -> Any:
    """The row as this admin's queryset shows it. Raises Http404, or PermissionDenied."""
    row = admin.get_object(request, object_id)
    if row is None:
        raise Http404(f"There is no such {admin.model._meta.verbose_name}.")
    if not admin.has_view_permission(request, row):
        raise PermissionDenied
    return row


def change_url(row: Model) -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])


def list_url(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def to(url: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(url)


def attempt(request: HttpRequest, work: Callable[[], str]) -> bool:
    """Do `work` and show its sentence; a problem is shown as an error instead. True when done.

    Forbidden is no message but the 403 page.
    """
    try:
        done = work()
    except Forbidden as problem:
        raise PermissionDenied(problem.detail) from None
    except Problem as problem:
        messages.error(request, problem.detail)
        return False
    if done:
        messages.success(request, done)
    return True


def selected(rows: Iterable[Model], action: str) -> list[tuple[str, str]]:
    """Hidden fields that bring a bulk action back to itself, confirmed."""
    chosen = [(ACTION_CHECKBOX_NAME, str(row.pk)) for row in rows]
    return [("action", action), ("confirmed", "yes"), *chosen]


def log_change(request: HttpRequest, row: Model, what: str) -> None:
    """Write into the row's history, shown by the admin's History page."""
    from django.contrib.admin.models import CHANGE, LogEntry

    get_content_type_for_model(row)
    LogEntry.objects.log_actions(request.user.pk, [row], CHANGE, what, single_object=True)
