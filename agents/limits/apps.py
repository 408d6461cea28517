from django.apps import AppConfig


class LimitsConfig(AppConfig):
    """What members use and may use: in every tenant's schema, never in the shared one."""

    name = "agents.limits"
    label = "limits"
    verbose_name = "Usage and limits"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from agents.limits.known import connect

        connect()
