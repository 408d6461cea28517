"""Which app's tables belong in the schema being migrated."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings

from tenants.context import current


class TenantRouter:
    """Shared apps in the shared schema, tenant apps in every tenant's; no app in both."""

    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, **hints: Any
    ) -> bool | None:
        shared = current().kind == "shared"
        names = settings.SHARED_APPS if shared else settings.TENANT_APPS
        config = apps.get_app_config(app_label)
        dotted = f"{config.__module__}.{type(config).__name__}"
        return None if config.name in names or dotted in names else False
