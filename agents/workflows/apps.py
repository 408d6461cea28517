from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    """Drafts of workflows: in every tenant's schema, never in the shared one."""

    name = "agents.workflows"
    label = "workflows"
    verbose_name = "Workflows"
    default_auto_field = "django.db.models.BigAutoField"
