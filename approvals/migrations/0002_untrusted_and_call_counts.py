import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('approvals', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='grant',
            name='untrusted',
            field=models.CharField(choices=[('raise', 'A tier stricter if it writes'), ('keep', 'Change nothing'), ('refuse', 'Refuse the call')], default='raise', help_text='What holds once the run has read content that nobody vouches for.', max_length=6, verbose_name='after untrusted content'),
        ),
        migrations.CreateModel(
            name='CallCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.BigIntegerField()),
                ('calls', models.PositiveIntegerField()),
                ('grant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='approvals.grant')),
                ('member', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('grant', 'member'), name='call_count_of_member')],
            },
        ),
    ]
