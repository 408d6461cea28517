"""Filters of the audit log's list, and the same as the export asks for them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter
from unfold.utils import parse_date_str

from approvals.audit.find import AuditQuery, beginning
from approvals.audit.models import AuditEntry

# What entries begin with, as a reader looks for them.
KINDS: tuple[tuple[str, str], ...] = (
    ("sign_in.", "Sign-ins"),
    ("token.", "Tokens"),
    ("key.", "API keys"),
    ("member.", "Members"),
    ("role.", "Roles"),
    ("grant.", "Grants"),
    ("delegation.", "Delegations"),
    ("guardrail.", "Guardrails"),
    ("agent.", "Agents"),
    ("workflow.", "Workflows"),
    ("revision.", "Revisions"),
    ("run.", "Runs"),
    ("tool.", "Tool calls"),
    ("approval.", "Approvals and decisions"),
    ("session.", "Sessions"),
    ("provider.", "Providers"),
    ("model.", "Models"),
    ("tenant.", "Tenants"),
    ("host.", "Hosts"),
    ("audit.", "The audit log itself"),
)


class ActionFilter(DropdownFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(KINDS)

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry]
    ) -> QuerySet[AuditEntry]:
        wanted = self.value()
        return queryset.filter(beginning(wanted)) if wanted in dict(KINDS) else queryset


class ResultFilter(DropdownFilter):
    title = "result"
    parameter_name = "result"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(AuditEntry.Result.choices)

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry]
    ) -> QuerySet[AuditEntry]:
        return queryset.filter(result=self.value()) if self.value() else queryset


class ViaFilter(DropdownFilter):
    title = "way in"
    parameter_name = "via"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [choice for choice in AuditEntry.Via.choices if choice[0]]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry]
    ) -> QuerySet[AuditEntry]:
        return queryset.filter(via=self.value()) if self.value() else queryset


class AtFilter(RangeDateFilter):
    """From one day to another, both included, in the time zone of whoever looks."""

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry]
    ) -> QuerySet[AuditEntry]:
        first, last = days(self.used_parameters)
        if first is not None:
            queryset = queryset.filter(at__gte=_begin(first))
        if last is not None:
            queryset = queryset.filter(at__lt=_begin(last + timedelta(days=1)))
        return queryset


def query_of(asked: QueryDict) -> AuditQuery:
    """The list's filters, as the page's address has them. Raises ValueError."""
    first, last = days(asked)
    kind, result = asked.get("kind"), asked.get("result")
    return AuditQuery.model_validate(
        {
            "action": kind if kind in dict(KINDS) else None,
            "result": result or None,
            "from": _begin(first) if first else None,
            "to": _begin(last + timedelta(days=1)) if last else None,
        }
    )


def days(asked: Any) -> tuple[date | None, date | None]:
    found = []
    for end in ("from", "to"):
        value = asked.get(f"at_{end}")
        day = parse_date_str(value) if isinstance(value, str) and value else None
        found.append(day if day is not None and 1970 < day.year < 9999 else None)
    return found[0], found[1]


def _begin(day: date) -> datetime:
    return timezone.make_aware(datetime(day.year, day.month, day.day))
