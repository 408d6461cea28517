"""Django's own migrate, on the active schema alone: what `migrate` calls for each."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate as django_migrate
from django.db import transaction
from django.db.migrations.executor import MigrationExecutor


class WholeExecutor(MigrationExecutor):
    """A migration and the record of it in one transaction.

    Django records one that left SQL for its end (indexes, foreign keys) after its transaction: a
    crash in between would leave tables that the next attempt stumbles over.
    """

    def apply_migration(self, state: Any, migration: Any, *args: Any, **kwargs: Any) -> Any:
        if not migration.atomic:
            return super().apply_migration(state, migration, *args, **kwargs)
        with transaction.atomic(using=self.connection.alias):
            return super().apply_migration(state, migration, *args, **kwargs)


# The command looks the name up in its module and offers no other way to say which.
django_migrate.MigrationExecutor = WholeExecutor


class Command(django_migrate.Command):
    help = "Migrates the schema that is active in the context. Internal: use `migrate`."
