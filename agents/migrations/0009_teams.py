import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('agents', '0008_guardrails'),
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='Team',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('slug', models.CharField(max_length=64, unique=True, validators=[django.core.validators.RegexValidator('^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$', 'Small letters, digits and hyphens; begins and ends with a letter or digit; at most 64.')])),
                ('description', models.CharField(blank=True, max_length=500)),
                ('mode', models.CharField(choices=[('coordinate', 'Coordinate: the leader gives out tasks and sums up'), ('route', 'Route: the leader picks one member, whose answer is the answer'), ('broadcast', 'Broadcast: everyone is asked at once, the leader sums up')], default='coordinate', max_length=12)),
                ('instructions', models.TextField(blank=True, help_text='What the leader is told beside who its members are. It may name {{ member.name }}, {{ member.username }}, {{ member.time_zone }}, {{ date }}, {{ now }}, {{ tenant.name }}, {{ tenant.slug }} and prompt settings, {{ settings.key }}.', verbose_name="leader's instructions")),
                ('model', models.CharField(default='default', help_text='A model\'s name, or “default” for the one this installation is configured with.', max_length=100, verbose_name="leader's model")),
                ('history_runs', models.PositiveSmallIntegerField(default=10, help_text='How many earlier runs of the session the leader is shown.', validators=[django.core.validators.MaxValueValidator(200)], verbose_name='history window')),
                ('at_once', models.PositiveSmallIntegerField(default=8, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(50)], verbose_name='members at work at once')),
                ('max_turns', models.PositiveSmallIntegerField(default=10, help_text='Model calls of the leader in one run.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(200)])),
                ('max_tokens', models.PositiveIntegerField(default=300000, help_text='Tokens in one run, in and out, those of its members included.', validators=[django.core.validators.MinValueValidator(1)])),
                ('max_seconds', models.PositiveIntegerField(default=600, help_text="Seconds one run may take, with all its members' work.", validators=[django.core.validators.MinValueValidator(1)])),
                ('is_archived', models.BooleanField(default=False, verbose_name='archived')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('published', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='agents.revision')),
                ('run_roles', models.ManyToManyField(blank=True, help_text='Empty: every role that may run agents.', related_name='+', to='auth.group', verbose_name='roles that may run it')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='TeamMember',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('agent', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='agents.agent')),
                ('nested', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='agents.team', verbose_name='or team')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='members', to='agents.team')),
            ],
            options={
                'verbose_name': 'member of the team',
                'verbose_name_plural': 'members of the team',
                'ordering': ['position', 'id'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('agent__isnull', False), ('nested__isnull', True)), models.Q(('agent__isnull', True), ('nested__isnull', False)), _connector='OR'), name='team_member_is_one_thing', violation_error_message='Name an agent or a team, not both.'), models.UniqueConstraint(fields=('team', 'agent'), name='team_member_agent_once', violation_error_message='The agent is in the team already.'), models.UniqueConstraint(fields=('team', 'nested'), name='team_member_team_once', violation_error_message='The team is a member already.')],
            },
        ),
        migrations.AddField(
            model_name='run',
            name='depth',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='run',
            name='first_position',
            field=models.PositiveIntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name='run',
            name='root',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='descendants', to='agents.run'),
        ),
        migrations.AddField(
            model_name='run',
            name='roster',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('root__isnull', False)), fields=['root'], name='run_of_tree'),
        ),
    ]
