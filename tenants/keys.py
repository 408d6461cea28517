"""Names that belong to a tenant: cache keys, channel groups, file paths. One prefix, one place."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from tenants.context import current_tenant

_GROUP_UNSAFE = re.compile(r"[^A-Za-z0-9\-_.]")


def tenant_prefix() -> str:
    """The schema of the active tenant; raises `TenantNotSet` when there is none."""
    return current_tenant().schema


def cache_key(key: str, key_prefix: str, version: int) -> str:
    """Django's KEY_FUNCTION: one key in two tenants is two keys; without a tenant, an error."""
    return f"{key_prefix}:{version}:{tenant_prefix()}:{key}"


def group_name(*parts: object) -> str:
    """A channel group of the active tenant, within Channels' alphabet and 100 characters."""
    name = ".".join([tenant_prefix(), *(_GROUP_UNSAFE.sub("-", str(part)) for part in parts)])
    if len(name) >= 100:
        raise ValueError(f"channel group name too long: {name!r}")
    return name


def file_path(name: str) -> str:
    """`name` below the active tenant's folder. Raises ValueError when it would leave it."""
    relative = PurePosixPath(name.replace("\\", "/"))
    if relative.is_absolute() or ".." in relative.parts or not relative.parts:
        raise ValueError(f"not a path below the tenant's folder: {name!r}")
    return f"{tenant_prefix()}/{relative}"
