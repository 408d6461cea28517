"""The system check of the console: no admin class, page or action without a declared scope."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import AdminSite
from django.core.checks import CheckMessage, Error, register
from django.urls import URLPattern, URLResolver
from django.views.generic import RedirectView

from agents.admin.scoped import RIGHTS, UNDECLARED, ScopedRights

# Django's own pages of an admin class: they ask the class's has_*_permission.
_ASKS_ITSELF = frozenset(
    {
        "changelist_view",
        "add_view",
        "change_view",
        "delete_view",
        "history_view",
        "user_change_password",
    }
)
# Pages that ask for permission themselves, or show nothing that is anybody's.
_SITE_PAGES = {
    "index": "reads only what the member's scopes allow",
    "login": "open by nature",
    "logout": "open by nature",
    "password_change": "one's own password",
    "password_change_done": "one's own password",
    "autocomplete_view": "asks has_view_permission of the class",
    "jsi18n": "translations",
    "i18n_javascript": "translations",
    "app_index": "lists only classes the member may see",
    "catch_all_view": "leads to nothing",
    "search": "lists only classes the member may see",
    "shortcut": "redirects to an object's own page",
}


def undeclared(site: AdminSite) -> list[str]:
    """What of this site declares no scope, each as a sentence."""
    found = []
    for admin in site._registry.values():
        found += _undeclared_rights(admin)
        for inline in getattr(admin, "inlines", ()):
            found += _undeclared_rights(inline)
        for kind in ("actions", "actions_list", "actions_detail", "actions_row"):
            for action in getattr(admin, kind, None) or ():
                function = getattr(admin, action, None) if isinstance(action, str) else action
                if getattr(function, "required_scope", None) is None:
                    found.append(f"{_name(admin)}: the action {action!r} declares no scope.")
    return found + [
        f"The page {route!r} declares no scope." for route in _undeclared_pages(site.get_urls())
    ]


def _name(admin: Any) -> str:
    return admin.__name__ if isinstance(admin, type) else type(admin).__name__


def _undeclared_rights(admin: Any) -> list[str]:
    kind = admin if isinstance(admin, type) else type(admin)
    if not issubclass(kind, ScopedRights):
        return [f"{_name(admin)} is no ScopedAdmin or ScopedInline."]
    return [
        f"{_name(admin)} declares no {right}."
        for right in RIGHTS
        if getattr(admin, right) is UNDECLARED
    ]


def _undeclared_pages(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _undeclared_pages(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and not _declared(pattern.callback):
            yield route


def _declared(view: Any) -> bool:
    """Whether any layer of a page's view carries a scope, or is one that asks by itself."""
    owned = False
    while view is not None:
        if getattr(view, "required_scope", None) is not None:
            return True
        owner = getattr(view, "model_admin", None) or getattr(view, "__self__", None)
        owned = owned or isinstance(owner, ScopedRights)
        name = getattr(view, "__name__", "")
        if name in (_ASKS_ITSELF if owned else _SITE_PAGES):
            return True
        if getattr(view, "view_class", None) is RedirectView:  # an old address of a change page
            return owned
        view = getattr(view, "__wrapped__", None)
    return False


@register()
def console_declares_scopes(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    from agents.admin.platform_site import platform_site
    from agents.admin.site import tenant_site

    return [
        Error(sentence, hint="Name a scope, or None for nobody.", id="concord.E010")
        for site in (tenant_site, platform_site)
        for sentence in undeclared(site)
    ]
