"""What a tenant used of its limits, on its page of the platform's console."""

from __future__ import annotations

from typing import Any

from django.db import ProgrammingError, transaction
from django.http import HttpRequest

from agents.limits.bars import bars, concurrency_bar
from agents.limits.report import report
from tenants.context import use_tenant
from tenants.models import Tenant


def tenant_use(request: HttpRequest, tenant: Tenant | None) -> dict[str, Any]:
    """The context of admin/console/tenant_use.html; empty where there is nothing to show yet.

    Sums alone: the platform sees no member's use, as it sees nothing else of a tenant's content.
    """
    served = (Tenant.State.ACTIVE, Tenant.State.SUSPENDED)
    if tenant is None or tenant.kind == Tenant.Kind.PLATFORM or tenant.state not in served:
        return {}
    zone = request.user.time_zone  # type: ignore[union-attr]
    with use_tenant(tenant.ref):
        try:
            with transaction.atomic():
                found = [concurrency_bar(), *bars(report().tenant, zone)]
        except ProgrammingError:  # its tables are older than this page
            return {"use_unknown": True}
    return {"use_bars": found}
