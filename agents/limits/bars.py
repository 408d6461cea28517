"""Use beside its limit as pages show it, with times in the reader's own zone. Synchronous."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from agents.limits.report import Use
from tenants.context import current_tenant, use_shared
from tenants.models import Tenant

_TIGHT_PERCENT = 80


@dataclass(frozen=True, slots=True)
class Bar:
    """`percent` of the limit, 0 to 100; `most` is empty where there is no limit."""

    label: str
    used: str
    most: str
    percent: int
    when: str = ""

    @property
    def tone(self) -> str:
        if self.percent >= 100:
            return "danger"
        return "warning" if self.percent >= _TIGHT_PERCENT else "info"


def bars(uses: Iterable[Use], time_zone: str) -> list[Bar]:
    """One for each use. `time_zone`: IANA name of the reader's, for when a limit begins anew."""
    zone = zoneinfo.ZoneInfo(time_zone)
    return [bar(use, zone) for use in uses]


def bar(use: Use, zone: zoneinfo.ZoneInfo) -> Bar:
    when = ""
    if use.most is not None and use.resets_at is not None:
        when = f"anew from {use.resets_at.astimezone(zone):%Y-%m-%d %H:%M %Z}"
    return Bar(use.kind.label, use.used_shown, use.most_shown, use.percent, when)


def concurrency_bar() -> Bar:
    """Runs of the current tenant that a process holds, beside how many may be held at once."""
    schema = current_tenant().schema
    with use_shared():
        own = Tenant.objects.filter(schema_name=schema).values_list(
            "max_concurrent_runs", flat=True
        )
        most = own.first()
    if most is None:
        most = settings.TENANT_CONCURRENT_RUNS
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM public.tickets_ticket WHERE schema = %s AND owner <> ''", [schema]
        )
        held = int(cursor.fetchone()[0])
    percent = min(held * 100 // most, 100) if most else 0
    return Bar("Runs at the same time", f"{held:,}", f"{most:,}" if most else "", percent)
