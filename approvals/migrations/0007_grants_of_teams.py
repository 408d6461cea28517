import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('agents', '0009_teams'),
        ('approvals', '0006_grants_noticed'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='grant',
            name='grant_unique',
        ),
        migrations.AddField(
            model_name='grant',
            name='team',
            field=models.ForeignKey(blank=True, help_text='Holds for its members, however deep, beside their own: the stricter tier wins.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='grants', to='agents.team'),
        ),
        migrations.AddConstraint(
            model_name='grant',
            constraint=models.UniqueConstraint(fields=('agent', 'team', 'tool'), name='grant_unique', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='grant',
            constraint=models.CheckConstraint(condition=models.Q(('agent__isnull', True), ('team__isnull', True), _connector='OR'), name='grant_of_agent_or_team', violation_error_message="A grant is an agent's, a team's or everyone's."),
        ),
    ]
