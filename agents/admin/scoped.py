"""What the console asks before it shows or does anything: scopes, never permission rows.

Each admin class names a scope for viewing, adding, changing and deleting (None: nobody may). Extra
pages and actions name theirs with `scoped`. What names none is refused; a system check finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Final

from django.contrib.admin.options import InlineModelAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.enums import ActionVariant

from tenants.accounts.scopes import Scope


class Undeclared:
    """The mark of a right that a class forgot to declare."""


UNDECLARED: Final = Undeclared()
Declared = Scope | None | Undeclared
RIGHTS = ("view_scope", "add_scope", "change_scope", "delete_scope")


def may(request: HttpRequest, scope: Declared) -> bool:
    """Whether the signed-in member has `scope`; None and undeclared are nobody's."""
    user = request.user
    return isinstance(scope, Scope) and user.is_authenticated and user.may(scope)


def scoped(
    scope: Scope,
    *,
    description: str = "",
    icon: str | None = None,
    variant: ActionVariant = ActionVariant.DEFAULT,
    url_path: str | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a method of an admin class (an extra page or an action) to need `scope`."""

    def declare(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def checked(admin: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if not may(request, scope):
                raise PermissionDenied(f"This needs the scope {scope}.")
            return method(admin, request, *args, **kwargs)

        checked.required_scope = scope  # type: ignore[attr-defined]
        checked.short_description = description  # type: ignore[attr-defined]
        checked.icon = icon  # type: ignore[attr-defined]
        checked.variant = variant  # type: ignore[attr-defined]
        checked.attrs = {}  # type: ignore[attr-defined]
        if url_path:
            checked.url_path = url_path  # type: ignore[attr-defined]
        return checked

    return declare


class ScopedRights:
    """The rights of an admin class or inline, answered from its four declarations."""

    view_scope: Declared = UNDECLARED
    add_scope: Declared = UNDECLARED
    change_scope: Declared = UNDECLARED
    delete_scope: Declared = UNDECLARED

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may(request, self.view_scope) or may(request, self.change_scope)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may(request, self.add_scope)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may(request, self.change_scope)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may(request, self.delete_scope)


class ScopedInline(ScopedRights, TabularInline):
    """An inline with rights of its own, not those of the page it is on."""


class ScopedStackedInline(ScopedRights, StackedInline):
    """The same, with a form for each row: for rows of more than a few fields."""


class ScopedMixin(ScopedRights):
    """The part of `ScopedAdmin` that also fits Django's ready-made admin classes.

    `empty_title` and `empty_text` are what an empty list says.
    """

    empty_icon = "inbox"
    empty_title = "Nothing here yet"
    empty_text = ""
    bulk_delete = False
    compressed_fields = True
    warn_unsaved_form = True
    list_fullwidth = True
    list_filter_submit = True
    list_per_page = 50

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def extra_pages(self) -> Iterable[tuple[str, str, Callable[..., HttpResponseBase]]]:
        """(route, name, method) of pages beyond the usual ones; each method is `scoped`."""
        return ()

    def get_urls(self) -> list[URLPattern]:
        info = (self.model._meta.app_label, self.model._meta.model_name)  # type: ignore[attr-defined]
        extra = [
            path(route, self._wrapped(view), name="{}_{}_{}".format(*info, name))
            for route, name, view in self.extra_pages()
        ]
        return [*extra, *super().get_urls()]  # type: ignore[misc]

    def _wrapped(self, view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> HttpResponseBase:
            served: HttpResponseBase = self.admin_site.admin_view(view)(*args, **kwargs)  # type: ignore[attr-defined]
            return served

        wrapper.model_admin = self  # type: ignore[attr-defined]
        return wrapper

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        title = str(self.model._meta.verbose_name_plural).capitalize()  # type: ignore[attr-defined]
        page: HttpResponseBase = super().changelist_view(  # type: ignore[misc]
            request, {"title": title, **(extra_context or {})}
        )
        return page

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)  # type: ignore[misc]
        return {
            name: action
            for name, action in actions.items()
            if may(request, getattr(action[0], "required_scope", UNDECLARED))
            or (
                name == "delete_selected"
                and self.bulk_delete
                and self.has_delete_permission(request)
            )
        }

    def action_applies(self, request: HttpRequest, action: str, object_id: Any) -> bool:
        """Whether a button makes sense for this row; rights are asked elsewhere."""
        return True

    def _filter_unfold_actions_by_permissions(
        self, request: HttpRequest, actions: list[Any], object_id: Any = None
    ) -> list[Any]:
        return [
            action
            for action in actions
            if may(request, getattr(action.method, "required_scope", UNDECLARED))
            and (
                object_id is None or self.action_applies(request, action.method.__name__, object_id)
            )
        ]

    def get_inline_instances(
        self, request: HttpRequest, obj: Model | None = None
    ) -> list[InlineModelAdmin]:
        return [
            inline
            for inline in super().get_inline_instances(request, obj)  # type: ignore[misc]
            if inline.has_view_permission(request, obj)
        ]


class ScopedAdmin(ScopedMixin, ModelAdmin):
    """The base of the console's admin classes."""
