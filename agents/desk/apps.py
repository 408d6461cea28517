from django.apps import AppConfig


class DeskConfig(AppConfig):
    """The service desk that the showcase agents work at: tables in every tenant's schema."""

    name = "agents.desk"
    label = "desk"
    verbose_name = "Service desk"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from agents.desk import tools

        tools.load()
