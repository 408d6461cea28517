"""Put back the rule that a session has one live run.

Dropping the index of a foreign key, Django drops every index of that one column, and so in 0004
this partial unique one, which is a constraint of the model.
"""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('agents', '0005_prompt_settings'),
    ]

    operations = [
        migrations.RunSQL(
            """
            CREATE UNIQUE INDEX IF NOT EXISTS one_live_run_per_session ON agents_run (session_id)
            WHERE parent_id IS NULL AND status IN ('queued', 'running', 'paused')
            """,
            migrations.RunSQL.noop,
        ),
    ]
