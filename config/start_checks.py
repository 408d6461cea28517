"""What must hold before anything is served: a failed check ends the start with its reason."""

from __future__ import annotations

import sys

from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from tenants.context import use_shared


def run_checks() -> None:
    """Run the system checks as a server start; raises ImproperlyConfigured naming each error."""
    with use_shared():
        found = checks.run_checks(databases=["default"] if _refuses_demo() else None)
    errors = [message for message in found if message.level >= checks.ERROR]
    if errors:
        text = "\n".join(f"{error.id}: {error.msg} {error.hint or ''}" for error in errors)
        print(text, file=sys.stderr)
        raise ImproperlyConfigured(text)


def _refuses_demo() -> bool:
    from django.conf import settings

    return bool(getattr(settings, "REFUSE_DEMO_MEMBERS", False))
