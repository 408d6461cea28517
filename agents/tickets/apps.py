from django.apps import AppConfig


class TicketsConfig(AppConfig):
    name = "agents.tickets"
    label = "tickets"
    verbose_name = "Live runs"
    default_auto_field = "django.db.models.BigAutoField"
