"""Move every tenant's stored secrets onto the first key of SECRETS_KEYS."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from tenants.context import use_tenant
from tenants.models import every_tenant
from tenants.secret_field import rotate, secret_fields


class Command(BaseCommand):
    help = (
        "Re-encrypts the secrets of all tenants, suspended ones too, with the first key of "
        "SECRETS_KEYS. Put a new key in front, restart the processes, run this, and take the old "
        "key away when it says that nothing is left. It may be stopped and repeated."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        refs = every_tenant()
        fields = list(secret_fields())
        moved = same = 0
        problems: list[str] = []
        for ref in refs:
            with use_tenant(ref):
                for field in fields:
                    try:
                        now_moved, now_same, lost = rotate(field)
                    except DatabaseError as error:
                        reason = str(error).splitlines()[0]
                        problems.append(f"{ref.schema}, {field.purpose}: {reason}")
                        continue
                    moved, same = moved + now_moved, same + now_same
                    problems += [
                        f"{ref.schema}, {field.purpose} of row {key}: opens under no key"
                        for key in lost
                    ]
        self.stdout.write(
            f"{moved} secrets moved to the first key, {same} were there already, in "
            f"{len(refs)} tenants"
        )
        if problems:
            raise CommandError("Keep the old keys, not all is done:\n  " + "\n  ".join(problems))
