"""Make a key for a service account, and the account too where it is new."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from config.errors import Problem
from tenants.accounts.api_keys import KeyRequest, create_key
from tenants.accounts.models import Member
from tenants.accounts.service_accounts import create_account
from tenants.commands import TenantCommand
from tenants.context import TenantRef


class Command(TenantCommand):
    help = (
        "Makes an API key for a service account and writes it to standard output, alone and once: "
        "it is shown nowhere else. With --role the account is made if there is none."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("account", help="the service account's username")
        parser.add_argument("--name", required=True, help="what the key is for")
        parser.add_argument("--role", action="append", default=[], help="of a new account")
        parser.add_argument(
            "--scope", action="append", default=[], help="may be repeated; default: all it has"
        )
        parser.add_argument("--days", type=int, help="how long it is good; default: until revoked")
        parser.add_argument("--rate", type=int, help="requests per minute")

    def handle_tenant(self, ref: TenantRef, **options: Any) -> None:
        days = options["days"]
        if days is not None and not 1 <= days <= 36500:
            raise CommandError("--days is 1 to 36500.")
        wanted = KeyRequest(
            name=options["name"],
            scopes=options["scope"],
            expires_at=timezone.now() + timedelta(days=days) if days else None,
            rate=options["rate"],
        )
        try:
            with transaction.atomic():
                key, text = create_key(None, self._account(ref, **options), wanted)
        except Problem as problem:
            raise CommandError(problem.detail) from None
        self.stderr.write(f"key {key} of {key.account.username} in {ref.schema}: keep it now")
        self.stdout.write(text)

    def _account(self, ref: TenantRef, account: str, role: list[str], **_: Any) -> Member:
        found = Member.objects.filter(username=account).first()
        if found is not None:
            if role:
                raise CommandError(f"{account} is there already: its roles stay. Leave out --role.")
            return found
        if not role:
            raise CommandError(f"There is no {account} in {ref.schema}. To make it, give a --role.")
        return create_account(account, role)
