from django.apps import AppConfig


class AgentsConfig(AppConfig):
    name = "agents"
    verbose_name = "Agents"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from agents import checks  # noqa: F401 - registers the system checks
        from agents.guardrails import of_tenant
        from agents.tools import builtin

        builtin.load()
        of_tenant.connect()
