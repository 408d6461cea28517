"""File storage in which each tenant sees only its own folder."""

from __future__ import annotations

import os

from django.core.files.storage import FileSystemStorage
from django.utils._os import safe_join

from tenants.keys import file_path, tenant_prefix


class TenantStorage(FileSystemStorage):
    """Names are relative to the active tenant's folder below the base location."""

    @property
    def location(self) -> str:  # type: ignore[override]
        return os.path.join(os.path.abspath(self.base_location), tenant_prefix())

    def path(self, name: str) -> str:
        if name not in ("", "."):
            file_path(str(name))  # raises on a name that would leave the folder
        return str(safe_join(self.location, str(name)))

    def url(self, name: str | None) -> str:
        raise ValueError("tenant files are served by views that check rights, never by address")
