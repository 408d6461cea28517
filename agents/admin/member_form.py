"""Forms of members: roles as a list to tick, the time zone from the list of zones."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.contrib.auth.models import Group
from unfold.forms import UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget

from config.errors import Problem
from tenants.accounts.members import check_change
from tenants.accounts.models import Member, ServiceAccount
from tenants.accounts.scopes import PLATFORM_ROLES, ROLES
from tenants.context import current_tenant


def _zones() -> list[tuple[str, str]]:
    return [(name, name.replace("_", " ")) for name in sorted(zoneinfo.available_timezones())]


def known_roles() -> list[str]:
    """The roles of the table that fit here: a tenant's, or the platform's."""
    return list(PLATFORM_ROLES if current_tenant().kind == "platform" else ROLES)


class MemberRules(forms.ModelForm):
    """Asks the rules before anything is saved. `actor` is set by the admin class."""

    actor: Member

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "groups" in self.fields:
            field = self.fields["groups"]
            field.label = "Roles"
            field.help_text = "What a member may do is what their roles give together."
            field.queryset = Group.objects.filter(name__in=known_roles()).order_by("name")
            field.required = True
        if "time_zone" in self.fields:
            self.fields["time_zone"] = forms.ChoiceField(
                choices=_zones,
                initial="UTC",
                label="Time zone",
                help_text="Times are shown in it.",
                widget=UnfoldAdminSelectWidget,
            )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "groups" in cleaned:
            try:
                check_change(
                    self.actor,
                    self.instance,
                    is_active=cleaned.get("is_active", True),
                    roles=[group.name for group in cleaned["groups"]],
                )
            except Problem as problem:
                raise forms.ValidationError(problem.detail, code=problem.code) from None
        return cleaned


class NewMemberForm(MemberRules, UserCreationForm):
    class Meta:
        model = Member
        fields = ("username", "name", "email", "time_zone", "groups")


class MemberForm(MemberRules):
    class Meta:
        model = Member
        fields = ("username", "name", "email", "time_zone", "is_active", "groups")


class ServiceAccountForm(MemberRules):
    """A program has no password to ask for, and no mail."""

    class Meta:
        model = ServiceAccount
        fields = ("username", "name", "is_active", "groups")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.kind = Member.Kind.SERVICE
        if "groups" in self.fields:
            self.fields["groups"].help_text = "The most that any key of it can give."
