"""Introspection of the active schema alone: the shared one behind it on the path must not show."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.db.backends.postgresql.introspection import DatabaseIntrospection

from tenants.context import current, use_tenant


def _alone(name: str) -> Callable[..., Any]:
    original = getattr(DatabaseIntrospection, name)

    @functools.wraps(original)
    def method(self: DatabaseIntrospection, *args: Any, **kwargs: Any) -> Any:
        with use_tenant(current().alone()):
            return original(self, *args, **kwargs)

    return method


class SchemaIntrospection(DatabaseIntrospection):
    get_table_list = _alone("get_table_list")
    get_table_description = _alone("get_table_description")
    get_sequences = _alone("get_sequences")
    get_relations = _alone("get_relations")
    get_constraints = _alone("get_constraints")
    get_primary_key_columns = _alone("get_primary_key_columns")
