"""Service accounts: members that are programs, with keys and without a password."""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction

from config.errors import Invalid
from tenants.accounts.history import record
from tenants.accounts.models import ServiceAccount


def create_account(username: str, roles: Collection[str], *, name: str = "") -> ServiceAccount:
    """A new service account with these roles, by the command line, which may all.

    Raises Invalid on a bad or taken username, no role, or one that there is none of.
    """
    groups = list(Group.objects.filter(name__in=roles))
    unknown = set(roles) - {group.name for group in groups}
    if unknown or not groups:
        known = ", ".join(Group.objects.order_by("name").values_list("name", flat=True))
        raise Invalid(
            f"No such role: {', '.join(sorted(unknown))}. Roles: {known}"
            if unknown
            else f"A service account needs a role. Roles: {known}"
        )
    account = ServiceAccount(username=username, name=name, kind=ServiceAccount.Kind.SERVICE)
    account.set_unusable_password()
    try:
        account.full_clean()
    except ValidationError as error:
        raise Invalid(" ".join(error.messages)) from None
    with transaction.atomic():
        account.save()
        account.groups.set(groups)
        record(account, None, "Made on the command line.")
    return account
