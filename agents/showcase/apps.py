from django.apps import AppConfig


class ShowcaseConfig(AppConfig):
    """What the catalogue's teams and workflows work with: demo data, tables for what they do."""

    name = "agents.showcase"
    label = "showcase"
    verbose_name = "Showcase"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from agents.showcase import tools

        tools.load()
