from django.apps import AppConfig


class ProvidersConfig(AppConfig):
    """A tenant's model providers: in every tenant's schema, never in the shared one."""

    name = "agents.providers"
    label = "providers"
    verbose_name = "Models"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from agents.providers.services import connect

        connect()
