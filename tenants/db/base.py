"""The database backend: django-tenants' over Postgres, with the tenant taken from the context.

django-tenants keeps the tenant on the thread's connection object, which under ASGI is shared by
whatever runs there next. Here the connection has no tenant of its own: before each statement it is
put on the context's path and role, and with no tenant set the statement is refused.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.backends.utils import CursorDebugWrapper, CursorWrapper
from django_tenants.postgresql_backend import base as stock
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus

from tenants.context import TenantRef, current, current_or_none
from tenants.db import path
from tenants.db.introspection import SchemaIntrospection

_Postgres = stock.original_backend.DatabaseWrapper


class TenantPathError(stock.DatabaseError):
    """The connection could not be put on the tenant's schema and role."""


class WrongTenant(AssertionError):
    """The server's schema is not the context's: only raised where TENANCY_VERIFY is on."""


class _OnTenant:
    """Cursor mixin: the check sits in the execute, so that a cursor held over a switch follows."""

    db: DatabaseWrapper

    def _execute(self, sql: Any, params: Any, *ignored: Any) -> Any:
        self.db.apply_tenant()
        return super()._execute(sql, params, *ignored)  # type: ignore[misc]

    def _executemany(self, sql: Any, param_list: Any, *ignored: Any) -> Any:
        self.db.apply_tenant()
        return super()._executemany(sql, param_list, *ignored)  # type: ignore[misc]

    def callproc(self, *args: Any, **kwargs: Any) -> Any:
        self.db.apply_tenant()
        return super().callproc(*args, **kwargs)  # type: ignore[misc]

    def copy(self, *args: Any, **kwargs: Any) -> Any:
        self.db.apply_tenant()
        return self.cursor.copy(*args, **kwargs)  # type: ignore[attr-defined]

    def stream(self, *args: Any, **kwargs: Any) -> Any:
        self.db.apply_tenant()
        return self.cursor.stream(*args, **kwargs)  # type: ignore[attr-defined]


class TenantCursor(_OnTenant, CursorWrapper):
    pass


class TenantDebugCursor(_OnTenant, CursorDebugWrapper):
    pass


class DatabaseWrapper(stock.DatabaseWrapper):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Not super().__init__: the stock one resets the tenant to public for every new thread.
        _Postgres.__init__(self, *args, **kwargs)
        self.introspection = SchemaIntrospection(self)
        self.search_path_set_schemas = None
        self._setting_search_path = False

    @property
    def tenant(self) -> TenantRef | None:
        return current_or_none()

    @property
    def schema_name(self) -> str | None:
        ref = current_or_none()
        return ref.schema if ref else None

    def set_tenant(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the tenant is set with tenants.context.use_tenant, not on a connection")

    set_schema = set_tenant
    set_schema_to_public = set_tenant

    def _cursor(self, name: str | None = None) -> Any:
        return _Postgres._cursor(self, name)

    def make_cursor(self, cursor: Any) -> CursorWrapper:
        return TenantCursor(cursor, self)

    def make_debug_cursor(self, cursor: Any) -> CursorWrapper:
        return TenantDebugCursor(cursor, self)

    def apply_tenant(self) -> None:
        """Put the physical connection on the context's tenant; `TenantNotSet` without one."""
        ref = current()
        connection = self.connection
        if connection is None:  # closed under a held cursor: the statement itself will say so
            return
        pgconn = connection.pgconn
        if path.needs_set(pgconn, ref):
            # Through libpq and not a cursor: psycopg would open a transaction for it.
            result = pgconn.exec_(ref.statement.encode())
            if pgconn.status == ConnStatus.BAD:  # the server went: the statement itself will say so
                return
            if result.status != ExecStatus.COMMAND_OK:
                raise TenantPathError(
                    f"cannot use schema {ref.schema!r}: "
                    + (result.error_message or b"").decode(errors="replace").strip()
                )
            path.learn(pgconn, ref)
        if getattr(settings, "TENANCY_VERIFY", False):
            self._verify(ref)

    def _verify(self, ref: TenantRef) -> None:
        pgconn = self.connection.pgconn
        if pgconn.transaction_status not in (TransactionStatus.IDLE, TransactionStatus.INTRANS):
            return
        result = pgconn.exec_(b"SELECT current_schema(), current_user")
        if pgconn.status == ConnStatus.BAD:
            return
        schema = (result.get_value(0, 0) or b"").decode()
        user = (result.get_value(0, 1) or b"").decode()
        if schema != ref.schema or (ref.role is not None and user != ref.role):
            raise WrongTenant(f"the server is on {schema}/{user}, the context on {ref}")
