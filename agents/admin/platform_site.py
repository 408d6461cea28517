"""The platform's console: tenants, the fleet's live runs, the task queue."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.template.response import TemplateResponse

from agents.admin.platform_dashboard import platform_overview
from agents.admin.site import ConsoleSite


class PlatformSite(ConsoleSite):
    """Served at the platform's own host, to the members of the platform's schema."""

    index_template = "admin/console/platform_index.html"

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        return super().index(request, {**platform_overview(request), **(extra_context or {})})


platform_site = PlatformSite(name="admin")
