"""What every page's template may use. Runs for the admin's pages too, so it asks no database."""

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
    """Whether the demo model answers because this installation is configured with no other."""
    from agents.models_llm.factory import model_identity

    return bool(model_identity("default").get("offline"))
