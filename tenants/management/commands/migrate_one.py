"""Django's own migrate, on the active schema alone: what `migrate` calls for each."""

from django.core.management.commands.migrate import Command as DjangoMigrate


class Command(DjangoMigrate):
    help = "Migrates the schema that is active in the context. Internal: use `migrate`."
