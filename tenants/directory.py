"""Which tenant a host or a slug means: looked up once, kept in each process until a change."""

from __future__ import annotations

from typing import NamedTuple

from django.conf import settings

from tenants import concurrency, notices
from tenants.context import TenantRef, use_shared
from tenants.hop import hop
from tenants.kept import Kept


class Known(NamedTuple):
    """A tenant whose set-up was finished once; `serving` is False while it is suspended."""

    ref: TenantRef
    serving: bool


_kept: Kept[tuple[str, str], Known | None] = Kept(4096, lambda: settings.TENANT_CACHE_SECONDS)


def _lookup(kind: str, key: str) -> Known | None:
    from tenants.models import Domain, Tenant

    with use_shared():
        if kind == "host":
            domain = Domain.objects.select_related("tenant").filter(domain=key).first()
            tenant = domain.tenant if domain else None
        else:
            tenant = Tenant.objects.filter(schema_name=key).first()
        if tenant is None or tenant.state not in (Tenant.State.ACTIVE, Tenant.State.SUSPENDED):
            return None
        concurrency.learn(tenant)
        return Known(tenant.ref, tenant.state == Tenant.State.ACTIVE)


async def _cached(kind: str, key: str) -> Known | None:
    async def load() -> Known | None:
        with use_shared():
            return await hop(_lookup, kind, key)

    return await _kept.get((kind, key), load)


async def known_host(host: str) -> Known | None:
    """The tenant at `host` (no port), suspended or not; None when there is none."""
    return await _cached("host", host.lower())


async def known_slug(slug: str) -> Known | None:
    """The tenant with this slug (its schema), suspended or not; None when there is none."""
    return await _cached("slug", slug.lower())


async def by_slug(slug: str) -> TenantRef | None:
    """The active tenant with this slug (its schema), or None."""
    known = await known_slug(slug)
    return known.ref if known is not None and known.serving else None


def ref_of(slug: str) -> TenantRef:
    """Synchronous and uncached, for commands and tasks. LookupError if it is not active."""
    known = _lookup("slug", slug)
    if known is None or not known.serving:
        raise LookupError(f"no active tenant {slug!r}")
    return known.ref


def forget() -> None:
    """Drop what every process remembers, on commit of the change that the caller makes."""
    with use_shared():
        notices.notify("tenant")


notices.on("tenant", lambda _: _kept.forget())
notices.on("tenant", lambda _: concurrency.forget())
