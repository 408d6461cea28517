"""Filters of the list of runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter, TextFilter

from agents.models import Agent, Run


class StatusFilter(DropdownFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("live", "Live: queued, running, paused"), *Run.Status.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        wanted = self.value()
        if wanted == "live":
            return queryset.filter(status__in=Run.LIVE)
        return queryset.filter(status=wanted) if wanted else queryset


class AgentFilter(DropdownFilter):
    title = "agent"
    parameter_name = "slug"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Agent.objects.order_by("name").values_list("slug", "name")[:200])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        return queryset.filter(slug=self.value()) if self.value() else queryset


class MemberFilter(TextFilter):
    title = "member"
    parameter_name = "member"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        wanted = (self.value() or "").strip()
        if not wanted:
            return queryset
        return queryset.filter(
            Q(member__username__icontains=wanted) | Q(member__name__icontains=wanted)
        )


class DurationFilter(DropdownFilter):
    title = "duration"
    parameter_name = "took"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("5", "Over 5 s"),
            ("30", "Over 30 s"),
            ("120", "Over 2 min"),
            ("600", "Over 10 min"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        if self.value() not in ("5", "30", "120", "600"):
            return queryset
        over = timedelta(seconds=int(self.value()))
        ended = Q(finished_at__gt=F("started_at") + over)
        going_on = Q(finished_at__isnull=True, started_at__lt=Now() - over)
        return queryset.filter(ended | going_on)
