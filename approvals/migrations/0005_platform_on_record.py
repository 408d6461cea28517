"""The platform's log also has what becomes of tenants and their hosts, whoever changes them.

Their tables are shared, so the triggers are made with the platform's schema and call into it; their
function is beside the tables, because the platform's schema is to be like any tenant's. And an
entry may name somebody who is no member of the tenant: the platform's operators.
"""

from django.db import migrations, models

# As 0004 has it, but for the name: `who` may bring one.
_WRITE = """
CREATE OR REPLACE FUNCTION approvals_audit_write(home text, said jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    who jsonb := COALESCE(NULLIF(current_setting('concord.actor', true), ''), '{}')::jsonb;
    way text := COALESCE(who ->> 'via', said ->> 'via', 'database');
    member bigint := COALESCE((who ->> 'member')::bigint, (said ->> 'member')::bigint);
    called text := CASE WHEN way = 'database' THEN 'database login ' || session_user
        ELSE left(who ->> 'name', 200) END;
BEGIN
    IF home = 'template' THEN  -- its rows are copied into every new tenant
        RETURN;
    END IF;
    IF member IS NOT NULL THEN
        EXECUTE format('SELECT left(COALESCE(NULLIF(m.name, ''''), m.username), 200) '
                       'FROM %I.accounts_member m WHERE m.id = $1', home)
            INTO called USING member;
    END IF;
    EXECUTE format(
        'INSERT INTO %I.approvals_auditentry (actor_id, actor_name, via, credential, action, '
        'target_type, target_id, target_name, before, after, detail, address, trace_id, run_id, '
        'result, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, ''ok'', '
        'now())', home)
        USING member, COALESCE(called, ''), way, COALESCE(who ->> 'credential', ''),
            said ->> 'action', said ->> 'target_type', COALESCE(left(said ->> 'target_id', 64), ''),
            COALESCE(left(said ->> 'target_name', 200), ''), NULLIF(said -> 'before', 'null'),
            NULLIF(said -> 'after', 'null'), NULLIF(said -> 'detail', 'null'),
            COALESCE(who ->> 'address', ''),
            COALESCE(NULLIF(who ->> 'trace', ''), said ->> 'trace', ''),
            COALESCE(said ->> 'run', NULLIF(who ->> 'run', ''))::uuid;
END $$;
"""

_SHARED = """
DO $do$
BEGIN
    IF current_schema() <> 'platform' THEN
        RETURN;
    END IF;
    CREATE OR REPLACE FUNCTION public.approvals_audit_shared() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        was jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
        becomes jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
        row_is jsonb := COALESCE(becomes, was);
        verb text := CASE
            WHEN TG_OP = 'INSERT' THEN 'created'
            WHEN TG_OP = 'DELETE' THEN 'deleted'
            WHEN was ->> 'state' IS NOT DISTINCT FROM becomes ->> 'state' THEN 'changed'
            WHEN becomes ->> 'state' = 'suspended' THEN 'suspended'
            WHEN was ->> 'state' = 'suspended' THEN 'resumed'
            WHEN becomes ->> 'state' = 'active' THEN 'set_up'
            WHEN becomes ->> 'state' = 'failed' THEN 'set_up_failed'
            ELSE 'changed' END;
        before jsonb;
        after jsonb;
    BEGIN
        IF was = becomes THEN
            RETURN NULL;
        END IF;
        SELECT jsonb_object_agg(key, was -> key), jsonb_object_agg(key, becomes -> key)
            INTO before, after FROM jsonb_object_keys(row_is) key
            WHERE was -> key IS DISTINCT FROM becomes -> key;
        PERFORM platform.approvals_audit_write('platform', jsonb_build_object(
            'action', TG_ARGV[0] || '.' || verb, 'target_type', TG_ARGV[0],
            'target_id', row_is ->> 'id', 'target_name', row_is ->> TG_ARGV[1],
            'before', CASE WHEN TG_OP <> 'INSERT' THEN before END,
            'after', CASE WHEN TG_OP <> 'DELETE' THEN after END));
        RETURN NULL;
    END $$;
    REVOKE EXECUTE ON FUNCTION public.approvals_audit_shared() FROM PUBLIC;
    CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON public.tenants_tenant
        FOR EACH ROW EXECUTE FUNCTION public.approvals_audit_shared('tenant', 'schema_name');
    CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON public.tenants_domain
        FOR EACH ROW EXECUTE FUNCTION public.approvals_audit_shared('host', 'domain');
END $do$;
"""

_UNSHARED = """
DO $do$
BEGIN
    IF current_schema() = 'platform' THEN
        DROP FUNCTION public.approvals_audit_shared() CASCADE;
    END IF;
END $do$;
"""


class Migration(migrations.Migration):
    dependencies = [("approvals", "0004_audit_triggers")]

    operations = [
        # What it was reads the new setting as well: it knows no name.
        migrations.RunSQL(_WRITE, migrations.RunSQL.noop),
        migrations.RunSQL(_SHARED, _UNSHARED),
        migrations.AlterField(
            model_name="auditentry",
            name="via",
            field=models.CharField(
                blank=True,
                choices=[
                    ("session", "Browser"),
                    ("token", "Token"),
                    ("key", "API key"),
                    ("agent", "Agent on behalf of"),
                    ("platform", "Platform"),
                    ("system", "System"),
                    ("database", "Database, past the application"),
                    ("", "Nobody signed in"),
                ],
                default="",
                max_length=10,
            ),
        ),
    ]
