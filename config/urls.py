"""What a tenant's host serves."""

from django.urls import include, path

from agents.admin.site import tenant_site
from config.api import api

urlpatterns = [
    path("api/v1/", api.urls),
    path("admin/", tenant_site.urls),
    path("", include("agents.web.recovery_urls")),
    path("", include("agents.web.urls")),
]

handler403 = "agents.web.errors.forbidden"
handler404 = "agents.web.errors.not_found"
handler500 = "agents.web.errors.server_error"
