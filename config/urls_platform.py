"""What the platform's own host serves: its admin."""

from django.urls import include, path
from django.views.generic import RedirectView

from agents.admin.platform_site import platform_site

urlpatterns = [
    path("admin/", platform_site.urls),
    path("", include("agents.web.recovery_urls")),
    path("", RedirectView.as_view(url="/admin/")),
]
