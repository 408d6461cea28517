"""Suspend the demo's members, so that an installation that was tried out can be put to use."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from tenants.accounts.demo import suspend_demo_members


class Command(BaseCommand):
    help = (
        "Suspends every member that create_demo made, in all tenants and on the platform, and "
        "signs them out. The production settings serve nothing while one of them may sign in. "
        "Repeating is safe."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        suspended = suspend_demo_members()
        for schema, number in suspended.items():
            self.stdout.write(f"{schema}: {number} suspended")
        if not suspended:
            self.stdout.write("there is no demo member to suspend")
