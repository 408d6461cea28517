"""The template schema: kept migrated like a tenant's, serves nobody, and new tenants are its copy.

It has a role of its own like a tenant, but no row: it has no host and nothing can be run in it.
"""

from __future__ import annotations

import logging

from tenants.context import TenantRef
from tenants.locks import schema_lock
from tenants.roles import (
    ensure_migrations_role,
    ensure_tenant_schema,
    role_name,
    seal_tenant_schema,
)
from tenants.schema_migration import migrate_and_show
from tenants.staleness import missing_migrations

log = logging.getLogger(__name__)

TEMPLATE_SCHEMA = "template"


def template() -> TenantRef:
    return TenantRef(schema=TEMPLATE_SCHEMA, role=role_name(TEMPLATE_SCHEMA), name="Template")


def template_is_current() -> bool:
    return not missing_migrations([TEMPLATE_SCHEMA])


def ensure_template() -> TenantRef:
    """Make the template where it is missing and migrate it where it is behind; then its reference.

    Two processes don't do it twice: the second waits and finds it done.
    """
    ref = template()
    if template_is_current():
        return ref
    with schema_lock(TEMPLATE_SCHEMA):
        if not template_is_current():
            log.info("bringing the template for new tenants up to date")
            ensure_migrations_role()
            ensure_tenant_schema(TEMPLATE_SCHEMA)
            migrate_and_show(ref)
            seal_tenant_schema(TEMPLATE_SCHEMA)
    return ref
