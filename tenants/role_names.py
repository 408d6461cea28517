"""How the Postgres roles behind the tenants are called. `tenants.shared_rights` has it in SQL."""

from __future__ import annotations

import hashlib

from django.conf import settings

ROLE_LENGTH = 63  # what Postgres allows a name


def database_name() -> str:
    return str(settings.DATABASES["default"]["NAME"])


def _fit(name: str) -> str:
    """Roles belong to the whole cluster: prefixed with the database, within 63 bytes."""
    if len(name) <= ROLE_LENGTH:
        return name
    return f"{name[:46]}_{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def role_name(schema: str) -> str:
    """The role that owns the tables of the tenant with this schema."""
    return _fit(f"{database_name()}__{schema}")


def tenants_role() -> str:
    """The role whose rights on the shared schema all tenant roles inherit."""
    return _fit(f"{database_name()}--tenants")


def migrations_role() -> str:
    """The role that may read which migrations each schema has had, and nothing else."""
    return _fit(f"{database_name()}--migrations")
