"""The active tenant: a context variable and the only ways to set it.

Pure Python on purpose: database backend, pool, middleware and commands all import it, some before
Django is set up. Nothing here touches a connection; whoever sends SQL asks `current()` and puts the
connection on that tenant's path and role first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Literal
from uuid import UUID

SCHEMA_NAME = re.compile(r"^[a-z][a-z0-9_]{0,40}\Z")
SCHEMA_LENGTH = 41
PUBLIC_SCHEMA = "public"

Kind = Literal["tenant", "platform", "shared"]


class TenantNotSet(RuntimeError):
    """Work that needs a tenant ran outside `use_tenant`: a door forgot to set it."""

    def __init__(self, what: str = "this") -> None:
        super().__init__(f"no tenant is set: {what} must run inside use_tenant() or use_shared()")


@dataclass(frozen=True, slots=True)
class TenantRef:
    """What travels with the context: enough to put a connection on the tenant, and no more.

    `role` is the Postgres role that owns the schema; None keeps the login's own rights, which is
    right for the shared schema and for the platform's, and for nothing else. `tenant_class` is the
    operator's word for what kind of customer this is: figures are told by it, never by tenant.
    """

    schema: str
    kind: Kind = "tenant"
    id: UUID | None = None
    role: str | None = None
    name: str = ""
    tenant_class: str = "standard"
    statement: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.schema != PUBLIC_SCHEMA and not SCHEMA_NAME.fullmatch(self.schema):
            raise ValueError(f"not a usable schema name: {self.schema!r}")
        # Temporary tables last: unless it is named, Postgres looks for a table there first.
        path = (
            '"public", pg_temp' if self.kind == "shared" else f'"{self.schema}", "public", pg_temp'
        )
        role = f'SET ROLE "{self.role}"' if self.role else "RESET ROLE"
        if self.role and '"' in self.role:
            raise ValueError("a role name may not hold a quote")
        object.__setattr__(self, "statement", f"SET search_path TO {path}; {role}")

    def alone(self) -> TenantRef:
        """The same tenant without the shared schema behind it on the path: for introspection."""
        ref = replace(self)
        role = self.statement.partition("; ")[2]
        object.__setattr__(ref, "statement", f'SET search_path TO "{self.schema}", pg_temp; {role}')
        return ref


SHARED = TenantRef(schema=PUBLIC_SCHEMA, kind="shared")

_current: ContextVar[TenantRef | None] = ContextVar("tenant", default=None)


def current() -> TenantRef:
    """The active tenant (or the shared reference). Raises `TenantNotSet` when there is none."""
    ref = _current.get()
    if ref is None:
        raise TenantNotSet
    return ref


def current_or_none() -> TenantRef | None:
    return _current.get()


def current_tenant() -> TenantRef:
    """Like `current`, but the shared reference will not do: for keys, paths and members' work."""
    ref = current()
    if ref.kind == "shared":
        raise TenantNotSet("a tenant's own key, file or row")
    return ref


@contextmanager
def use_tenant(ref: TenantRef) -> Iterator[TenantRef]:
    """Make `ref` the active tenant for the block; the one before it is back afterwards.

    The value is saved and restored rather than reset by token, because a block entered in one
    context may be left in another (an async generator's clean-up), where `Token.reset` raises.
    Never put it around a `yield`: the consumer would run under the tenant (a guard test looks).
    """
    before = _current.get()
    _current.set(ref)
    try:
        yield ref
    finally:
        _current.set(before)


@contextmanager
def use_shared() -> Iterator[TenantRef]:
    """Work on the shared schema alone: tenants, domains, tickets, the task queue."""
    before = _current.get()
    _current.set(SHARED)
    try:
        yield SHARED
    finally:
        _current.set(before)
