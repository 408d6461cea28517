"""File storage in which each tenant sees only its own folder."""

from __future__ import annotations

from typing import Any

from django.core.files.storage import FileSystemStorage
from django.utils._os import safe_join

from tenants.keys import file_path, tenant_prefix


class TenantStorage(FileSystemStorage):
    """Names are relative to the active tenant's folder below MEDIA_ROOT, reading and writing."""

    def path(self, name: str) -> str:
        return str(safe_join(self.location, file_path(str(name))))

    def url(self, name: str | None) -> str:
        raise ValueError("tenant files are served by views that check rights, never by address")

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        if path in ("", "."):
            folder = safe_join(self.location, tenant_prefix())
            from os import scandir

            directories: list[str] = []
            files: list[str] = []
            with scandir(folder) as entries:
                for entry in entries:
                    (directories if entry.is_dir() else files).append(entry.name)
            return directories, files
        listed: Any = super().listdir(path)
        return listed
