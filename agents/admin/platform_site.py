"""The platform's console."""

from __future__ import annotations

from unfold.sites import UnfoldAdminSite


class PlatformSite(UnfoldAdminSite):
    pass


platform_site = PlatformSite(name="admin")
