"""Whether a tenant's runs are limited in number: known to a process as long as it knows the tenant.

The limits themselves are enforced where runs are claimed, exactly and across processes. This only
tells a start, without asking the database, whether it must leave the decision to a claim.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings

_MOST = 20_000
_limited: dict[str, bool] = {}


def learn(tenant: Any) -> None:
    """Remember a tenant's limits; `tenant` is its row, freshly read."""
    own = (tenant.max_concurrent_runs, tenant.max_concurrent_runs_per_member)
    usual = (settings.TENANT_CONCURRENT_RUNS, settings.MEMBER_CONCURRENT_RUNS)
    if len(_limited) >= _MOST:
        _limited.clear()
    _limited[tenant.schema_name] = any(
        limit if limit is not None else default for limit, default in zip(own, usual, strict=True)
    )


def is_limited(schema: str) -> bool:
    """Whether runs of this tenant have to wait for a claim. A tenant not seen yet: they do."""
    return _limited.get(schema, True)


def forget() -> None:
    _limited.clear()
