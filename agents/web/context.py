"""What every page's template may use. Runs for the admin's pages too: it asks nothing by itself."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def product(request: HttpRequest) -> dict[str, Any]:
    tenant = getattr(request, "tenant", None)
    return {
        "product_name": settings.PRODUCT_NAME,
        "tenant_name": (tenant.name or tenant.schema) if tenant is not None else "",
        "model_is_offline": model_is_offline,
    }


def model_is_offline() -> bool:
    """Whether the demo model answers, because neither tenant nor installation has another."""
    from agents.providers.registry import read_registry
    from agents.providers.resolve import pick

    return pick(read_registry(), "default").offline
