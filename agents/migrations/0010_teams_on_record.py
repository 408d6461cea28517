"""Teams and their members are on record however they are changed."""

from django.db import migrations

from approvals.audit.governed import govern

_GOVERNED = (
    govern("agents_team", "team", named_by="name", left_out="updated_at"),
    govern("agents_team_run_roles", "team_role"),
    govern("agents_teammember", "team_member"),
)


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0009_teams"),
        ("approvals", "0004_audit_triggers"),
    ]

    operations = [
        migrations.RunSQL(
            "\n".join(made for made, _ in _GOVERNED),
            "\n".join(undone for _, undone in _GOVERNED),
        )
    ]
