"""Filters of the approval queue; without any it shows what waits."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter

from agents.services.inbox import signed_off, to_decide
from agents.tools import registry
from approvals.models import Approval, Tier
from tenants.accounts.models import Member
from tenants.accounts.principal import of_member

WAITING, MINE, CLOSED = "", "mine", "closed"
_SHOW = (
    (MINE, "Mine to decide"),
    (CLOSED, "No longer waiting"),
    *((value, label) for value, label in Approval.Status.choices if value != "waiting"),
    ("all", "All"),
)


def shows_waiting(request: HttpRequest) -> bool:
    """Whether the list is of what waits: then the soonest to expire comes first."""
    return request.GET.get("show", WAITING) in (WAITING, MINE)


def mine_to_sign_off(member: Member) -> list[Approval]:
    return to_decide(of_member(member), Approval.objects.filter(signed_off()))


class ShowFilter(DropdownFilter):
    title = "what is shown"
    parameter_name = "show"
    all_option: ClassVar[list[str]] = [WAITING, "Waiting"]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(_SHOW)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Approval]) -> QuerySet[Approval]:
        wanted = self.value() or WAITING
        if wanted == "all":
            return queryset
        if wanted == MINE:
            mine = mine_to_sign_off(request.user)
            return queryset.filter(pk__in=[approval.pk for approval in mine])
        if wanted == CLOSED:
            return queryset.exclude(status=Approval.Status.WAITING)
        return queryset.filter(status=wanted if wanted in Approval.Status.values else "waiting")


class ToolFilter(DropdownFilter):
    title = "tool"
    parameter_name = "tool"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(spec.name, spec.name) for spec in registry.all()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Approval]) -> QuerySet[Approval]:
        return queryset.filter(tool=self.value()) if self.value() else queryset


class ComponentFilter(DropdownFilter):
    title = "component"
    parameter_name = "component"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        from agents.models import Agent

        return list(Agent.objects.order_by("name").values_list("slug", "name")[:200])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Approval]) -> QuerySet[Approval]:
        return queryset.filter(component=self.value()) if self.value() else queryset


class TierFilter(DropdownFilter):
    title = "tier"
    parameter_name = "tier"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, label) for value, label in Tier.choices if value != Tier.FREE]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Approval]) -> QuerySet[Approval]:
        return queryset.filter(tier=self.value()) if self.value() in Tier.values else queryset


class KindFilter(DropdownFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Approval.Kind.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Approval]) -> QuerySet[Approval]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class RequesterFilter(DropdownFilter):
    title = "member"
    parameter_name = "member"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        asking = Approval.objects.filter(status=Approval.Status.WAITING).values("requester")
        found = Member.objects.filter(pk__in=asking).order_by("username")[:200]
        return [(member.username, str(member)) for member in found]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Approval]) -> QuerySet[Approval]:
        if not self.value():
            return queryset
        return queryset.filter(requester__username=self.value())
