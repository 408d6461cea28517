"""Django's own migrate, on the active schema alone: what `migrate` calls for each."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate as django_migrate
from django.db import router, transaction
from django.db.migrations.executor import MigrationExecutor


class WholeExecutor(MigrationExecutor):
    """A migration and the record of it in one transaction; only the record where it isn't for here.

    Django records one that left SQL for its end (indexes, foreign keys) after its transaction: a
    crash in between would leave tables that the next attempt stumbles over.
    """

    def _migrate_all_forwards(
        self, state: Any, plan: Any, full_plan: Any, fake: bool, fake_initial: bool
    ) -> Any:
        to_run = {migration for migration, _ in plan}
        for migration, _ in full_plan:
            if not to_run:
                break
            if migration not in to_run:
                continue  # the state was made with it
            state = self.apply_migration(state, migration, fake, fake_initial)
            to_run.remove(migration)
        return state

    def apply_migration(
        self, state: Any, migration: Any, fake: bool = False, fake_initial: bool = False
    ) -> Any:
        if not router.allow_migrate(self.connection.alias, migration.app_label):
            return self._only_record(state, migration, fake)
        if not migration.atomic:
            return super().apply_migration(state, migration, fake, fake_initial)
        with transaction.atomic(using=self.connection.alias):
            return super().apply_migration(state, migration, fake, fake_initial)

    def _only_record(self, state: Any, migration: Any, fake: bool) -> Any:
        """What the state becomes by it, without the classes that Django makes of each step."""
        if self.progress_callback:
            self.progress_callback("apply_start", migration, fake)
        # Django makes the classes anew, all at once, for the next migration that is for here.
        state.__dict__.pop("apps", None)
        migration.mutate_state(state, preserve=False)
        self.record_migration(migration)
        if self.progress_callback:
            self.progress_callback("apply_success", migration, fake)
        return state


# The command looks the name up in its module and offers no other way to say which.
django_migrate.MigrationExecutor = WholeExecutor


class Command(django_migrate.Command):
    help = "Migrates the schema that is active in the context. Internal: use `migrate`."
