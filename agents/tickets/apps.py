from django.apps import AppConfig


class TicketsConfig(AppConfig):
    name = "agents.tickets"
    label = "tickets"
    verbose_name = "Live runs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from agents.tickets import lifecycle  # noqa: F401 - connects to what happens to tenants
