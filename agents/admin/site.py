"""The tenant's console."""

from __future__ import annotations

from unfold.sites import UnfoldAdminSite


class TenantSite(UnfoldAdminSite):
    pass


tenant_site = TenantSite(name="admin")
