"""What must hold before anything is served: failed checks end the start, each with its reason."""

from __future__ import annotations

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from tenants.context import use_shared


def run_checks() -> None:
    """Run the system checks as a server starts; raises ImproperlyConfigured naming each error."""
    with use_shared():
        # Those of the database only where they refuse something: it need not be there yet.
        found = checks.run_checks(databases=["default"] if settings.REFUSE_DEMO_MEMBERS else None)
    errors = [message for message in found if message.level >= checks.ERROR]
    if errors:
        lines = (f"  - {error.id}: {error.msg} {error.hint or ''}".rstrip() for error in errors)
        raise ImproperlyConfigured("this must be put right first:\n" + "\n".join(lines))
