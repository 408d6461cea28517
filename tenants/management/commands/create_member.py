"""Make a member of a tenant, or of the platform: how the first one comes to be."""

from __future__ import annotations

import getpass
import os
from typing import Any

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from tenants.accounts.models import Member
from tenants.commands import TenantCommand
from tenants.context import TenantRef


class Command(TenantCommand):
    help = (
        "Makes a member. The password is asked for, or taken from the variable MEMBER_PASSWORD, "
        "never from the command line, which other users of the machine can read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("username")
        parser.add_argument("--role", action="append", required=True, help="may be repeated")
        parser.add_argument("--email", default="")

    def handle_tenant(self, ref: TenantRef, **options: Any) -> None:
        groups = self._roles(options["role"])
        member = Member(username=options["username"], email=options["email"])
        try:
            member.full_clean(exclude=["password"])
            validate_password(password := self._password(), member)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        with transaction.atomic():
            member.set_password(password)
            member.save()
            member.groups.set(groups)
        self.stdout.write(f"{member.username} is a member of {ref.schema}")

    def _roles(self, names: list[str]) -> list[Group]:
        groups = list(Group.objects.filter(name__in=names))
        unknown = set(names) - {group.name for group in groups}
        if unknown:
            known = ", ".join(Group.objects.order_by("name").values_list("name", flat=True))
            raise CommandError(f"no such role: {', '.join(sorted(unknown))}. Roles: {known}")
        return groups

    def _password(self) -> str:
        given = os.environ.get("MEMBER_PASSWORD")
        if given is not None:
            return given
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("Password again: "):
            raise CommandError("The two passwords differ.")
        return password
