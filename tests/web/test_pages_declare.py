"""Every page of the web app says who may see it."""

from __future__ import annotations

from django.urls import URLPattern

from agents.web.declare import Declared
from agents.web.recovery_urls import urlpatterns as recovery
from agents.web.urls import urlpatterns

# Open to everyone. One that is closed again must leave this list.
PUBLIC = {"sign-in", "sign-out"}
PUBLIC |= {"forgot-password", "forgot-password-sent", "reset-password", "admin_password_reset"}
PUBLIC |= {"invitation", "invitation-link"}


def _declared() -> dict[str, Declared | None]:
    pages = [*urlpatterns, *recovery]
    assert all(isinstance(pattern, URLPattern) for pattern in pages), "walk includes too"
    return {str(page.name): getattr(page.callback, "declared", None) for page in pages}


def test_every_page_declares_a_scope_or_why_it_is_open() -> None:
    silent = [name for name, declared in _declared().items() if declared is None]
    assert silent == []


def test_only_the_pages_named_here_are_open_and_each_says_why() -> None:
    opened = {name: found for name, found in _declared().items() if found and not found.scope}
    assert opened.keys() == PUBLIC
    assert all(found.why for found in opened.values())
