"""Introspection of the active schema alone: the shared one behind it on the path must not show."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.db.backends.postgresql.introspection import DatabaseIntrospection, TableInfo

from tenants.context import current, use_tenant


def _alone(name: str) -> Callable[..., Any]:
    original = getattr(DatabaseIntrospection, name)

    @functools.wraps(original)
    def method(self: DatabaseIntrospection, *args: Any, **kwargs: Any) -> Any:
        with use_tenant(current().alone()):
            return original(self, *args, **kwargs)

    return method


# Django asks of every table in the database whether it is visible: hundreds of schemas are slow
# to look through, and each migration looks several times. What lies in a schema depends on it, and
# dependencies are indexed.
_TABLES = """
SELECT c.relname,
    CASE WHEN c.relispartition THEN 'p' WHEN c.relkind IN ('m', 'v') THEN 'v' ELSE 't' END,
    obj_description(c.oid, 'pg_class')
FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = current_schema()::regnamespace
    AND d.classid = 'pg_class'::regclass AND c.relkind IN ('f', 'm', 'p', 'r', 'v')
"""


class SchemaIntrospection(DatabaseIntrospection):
    def get_table_list(self, cursor: Any) -> list[TableInfo]:
        cursor.execute(_TABLES)
        return [TableInfo(*row) for row in cursor.fetchall() if row[0] not in self.ignored_tables]

    get_table_description = _alone("get_table_description")
    get_sequences = _alone("get_sequences")
    get_relations = _alone("get_relations")
    get_constraints = _alone("get_constraints")
    get_primary_key_columns = _alone("get_primary_key_columns")
