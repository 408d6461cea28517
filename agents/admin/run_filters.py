"""Filters of the list of runs, each of a form that an index answers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter, TextFilter

from agents.admin.day_filter import DayFilter
from agents.ids import uuid7_floor
from agents.models import Agent, Run, Team
from agents.models.run import TOOK
from agents.services.run_status import of_status
from agents.workflows.models import Workflow
from tenants.accounts.models import Member

# By how much the clocks of those who make ids and rows may differ.
_CLOCKS = timedelta(hours=1)
# Members that a name may fit and still be looked up one by one in an index.
_MEMBERS = 100
# Slow runs that are listed by their keys; among more of them a page is soon full.
_SLOW = 200


def made_since(moment: datetime) -> Q:
    """Runs created at `moment` or later: a range of the primary key, and the time itself."""
    return Q(pk__gte=uuid7_floor(moment - _CLOCKS), created_at__gte=moment)


def made_before(moment: datetime) -> Q:
    return Q(pk__lt=uuid7_floor(moment + _CLOCKS), created_at__lt=moment)


def of_members_like(text: str) -> Q:
    """What belongs to members whose username or name contains `text`."""
    like = Q(username__icontains=text) | Q(name__icontains=text)
    found = list(Member.objects.filter(like).values_list("pk", flat=True)[: _MEMBERS + 1])
    if len(found) <= _MEMBERS:
        return Q(member__in=found)
    return Q(member__username__icontains=text) | Q(member__name__icontains=text)


class StatusFilter(DropdownFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("live", "Live: queued, running, paused"), *Run.Status.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        wanted = self.value()
        if wanted == "live":
            return queryset.filter(status__in=Run.LIVE)
        return of_status(queryset, wanted) if wanted else queryset


class ComponentFilter(DropdownFilter):
    title = "component"
    parameter_name = "slug"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Workflows and teams before agents, of which there are most."""
        found: dict[str, str] = {}
        for model, kind in ((Workflow, " (workflow)"), (Team, " (team)"), (Agent, "")):
            for slug, name in model.objects.order_by("name").values_list("slug", "name")[:200]:
                found.setdefault(slug, f"{name}{kind}")
        return list(found.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        return queryset.filter(slug=self.value()) if self.value() else queryset


class MemberFilter(TextFilter):
    title = "member"
    parameter_name = "member"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        wanted = (self.value() or "").strip()
        return queryset.filter(of_members_like(wanted)) if wanted else queryset


class CreatedFilter(DayFilter):
    """By the primary key, which begins with the time."""

    def since(self, moment: datetime) -> Q:
        return made_since(moment)

    def before(self, moment: datetime) -> Q:
        return made_before(moment)


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
        going_on = Q(status__in=Run.LIVE, started_at__lt=Now() - over)
        return queryset.alias(took=TOOK).filter(_ended_after(over) | going_on)


def _ended_after(over: timedelta) -> Q:
    """Ended runs that took longer: by their keys where they are few, which Postgres can't guess.

    The index of slow runs has all that took longer than the first choice, in order of duration.
    """
    slow = Run.objects.alias(took=TOOK).filter(took__gt=over).order_by("-took")
    keys = list(slow.values_list("pk", flat=True)[: _SLOW + 1])
    return Q(pk__in=keys) if len(keys) <= _SLOW else Q(took__gt=over)
