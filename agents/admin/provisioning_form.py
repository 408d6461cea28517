"""The form that makes a tenant: its slug, name and hosts, and its first owner."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from tenants.models import RESERVED_SCHEMAS, Domain, Tenant

HOST = re.compile(
    r"^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$"
)


def clean_host(host: str) -> str:
    """A host name in small letters. Raises ValidationError for ports, schemes and the like."""
    host = host.strip().lower().rstrip(".")
    if not HOST.match(host) and not _is_ipv6(host):
        raise forms.ValidationError(
            f"“{host}” is no host name: letters, digits, hyphens and dots; no port, no https://."
        )
    return host


def _is_ipv6(host: str) -> bool:
    """As a Host header has it: in brackets."""
    if not (host.startswith("[") and host.endswith("]")):
        return False
    try:
        return ipaddress.ip_address(host[1:-1]).version == 6
    except ValueError:
        return False


class OwnerForm(forms.Form):
    """The first owner; the password is checked like any member's."""

    username = forms.CharField(
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    email = forms.EmailField(required=False, label="E-mail", widget=UnfoldAdminEmailInputWidget)
    password = forms.CharField(
        strip=False,
        help_text="Give it to the owner on a safe way; they can change it after signing in.",
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if password:
            validate_password(password)
        return password


class ProvisionForm(OwnerForm):
    slug = forms.SlugField(
        max_length=41,
        help_text="Names its schema, for good: small letters, digits and underscores.",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    name = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget)
    hosts = forms.CharField(
        help_text="One host name a line, without a port; the first is the main one.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
    field_order = ("name", "slug", "hosts", "username", "email", "password")

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        if slug in RESERVED_SCHEMAS:
            raise forms.ValidationError(f"“{slug}” is reserved.")
        for validate in Tenant._meta.get_field("schema_name").validators:
            validate(slug)
        if Tenant.objects.filter(schema_name=slug).exists():
            raise forms.ValidationError("There is a tenant with this slug already.")
        return slug

    def clean_hosts(self) -> list[str]:
        hosts = [clean_host(line) for line in self.cleaned_data["hosts"].split()]
        taken = set(Domain.objects.filter(domain__in=hosts).values_list("domain", flat=True))
        if taken:
            raise forms.ValidationError(f"Taken already: {', '.join(sorted(taken))}.")
        if not hosts:
            raise forms.ValidationError("Name at least one host.")
        return list(dict.fromkeys(hosts))

    @property
    def parts(self) -> list[tuple[str, str, list[Any]]]:
        """The fields in the sections the page shows."""
        tenant = [self["name"], self["slug"], self["hosts"]]
        owner = [self["username"], self["email"], self["password"]]
        return [
            ("Tenant", "", tenant),
            ("First owner", "Who signs in first and adds the other members.", owner),
        ]


class DomainForm(forms.ModelForm):
    in_use = ""
    """The host that the console is being used at: to lose it would lock its user out."""

    def clean_domain(self) -> str:
        host = clean_host(self.cleaned_data["domain"])
        if self.instance.pk and self.initial.get("domain") == self.in_use != host:
            raise forms.ValidationError(_in_use(self.in_use))
        return host


class HostsFormset(forms.BaseInlineFormSet):
    in_use = ""

    def clean(self) -> None:
        super().clean()
        if any(form.instance.domain == self.in_use for form in self.deleted_forms):
            raise forms.ValidationError(_in_use(self.in_use))


def _in_use(host: str) -> str:
    return f"You are at {host} now: come by another host to change or remove it."
