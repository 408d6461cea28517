"""The audit log refuses to be changed, and the database itself writes about governed tables.

No function names its schema: a tenant's tables are copied from the template with their triggers.
"""

from django.db import migrations

from approvals.audit.governed import govern

_KEEP = """
CREATE FUNCTION approvals_audit_keep() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    -- Which link of the chain the row is, or is tied in by.
    place text := CASE TG_TABLE_NAME
        WHEN 'approvals_auditentry' THEN
            format('(SELECT s.seq FROM %1$I.approvals_auditseal s WHERE s.entry_id = $1)',
                   TG_TABLE_SCHEMA)
        WHEN 'approvals_auditseal' THEN '$1' END;
    covered boolean := false;
BEGIN
    IF TG_OP = 'DELETE' AND place IS NOT NULL THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %I.approvals_auditcheckpoint c '
                       'WHERE c.seq >= %s)', TG_TABLE_SCHEMA, place)
            INTO covered USING CASE TG_TABLE_NAME
                WHEN 'approvals_auditentry' THEN (to_jsonb(OLD) ->> 'id')::bigint
                ELSE (to_jsonb(OLD) ->> 'seq')::bigint END;
        IF covered THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only: % of % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION approvals_audit_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER stamped BEFORE INSERT ON approvals_auditentry
    FOR EACH ROW EXECUTE FUNCTION approvals_audit_stamp();
ALTER TABLE approvals_auditentry ALTER COLUMN id SET GENERATED ALWAYS;
""" + "".join(
    f"""
CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION approvals_audit_keep();
CREATE TRIGGER kept_whole BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION approvals_audit_keep();
"""
    for table in ("approvals_auditentry", "approvals_auditseal", "approvals_auditcheckpoint")
)

# `concord.actor` is set by the application for each statement on a governed table. Without it,
# somebody is at work past the application.
_WRITE = """
CREATE FUNCTION approvals_audit_write(home text, said jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    who jsonb := COALESCE(NULLIF(current_setting('concord.actor', true), ''), '{}')::jsonb;
    way text := COALESCE(who ->> 'via', said ->> 'via', 'database');
    member bigint := COALESCE((who ->> 'member')::bigint, (said ->> 'member')::bigint);
    called text := CASE WHEN way = 'database' THEN 'database login ' || session_user END;
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

_ROW = """
CREATE FUNCTION approvals_audit_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was jsonb;
    becomes jsonb;
    before jsonb := '{}';
    after jsonb := '{}';
    secrets text[] := string_to_array(TG_ARGV[3], ',');
    verb text := CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'UPDATE' THEN 'changed'
        ELSE 'deleted' END;
    name text;
    item text;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        was := to_jsonb(OLD);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        becomes := to_jsonb(NEW);
    END IF;
    FOR item IN SELECT jsonb_object_keys(COALESCE(becomes, was)) LOOP
        CONTINUE WHEN item = ANY (string_to_array(TG_ARGV[2], ','))
            OR (TG_OP = 'UPDATE' AND was -> item = becomes -> item);
        IF item = ANY (secrets) THEN
            before := before || jsonb_build_object(item,
                CASE WHEN COALESCE(was ->> item, '') <> '' THEN 'set' ELSE '' END);
            after := after || jsonb_build_object(item,
                CASE WHEN COALESCE(becomes ->> item, '') = '' THEN ''
                     WHEN COALESCE(was ->> item, '') <> '' THEN 'set anew' ELSE 'set' END);
        ELSE
            before := before || jsonb_build_object(item, was -> item);
            after := after || jsonb_build_object(item, becomes -> item);
        END IF;
    END LOOP;
    IF TG_OP = 'UPDATE' THEN
        IF after = '{}' THEN
            RETURN NULL;
        END IF;
        FOREACH item IN ARRAY string_to_array(TG_ARGV[4], ',') LOOP
            IF before -> split_part(item, ':', 1) = 'null'
                    AND after -> split_part(item, ':', 1) <> 'null' THEN
                verb := split_part(item, ':', 2);
            END IF;
        END LOOP;
    END IF;
    FOREACH item IN ARRAY string_to_array(TG_ARGV[1], ',') LOOP
        name := COALESCE(name, NULLIF(COALESCE(becomes, was) ->> item, ''));
    END LOOP;
    EXECUTE format('SELECT %I.approvals_audit_write($1, $2)', TG_TABLE_SCHEMA)
        USING TG_TABLE_SCHEMA::text, jsonb_build_object(
            'action', TG_ARGV[0] || '.' || verb, 'target_type', TG_ARGV[0],
            'target_id', COALESCE(COALESCE(becomes, was) ->> 'id',
                                  COALESCE(becomes, was) ->> 'member_id'),
            'target_name', name,
            'before', CASE WHEN TG_OP <> 'INSERT' THEN before END,
            'after', CASE WHEN TG_OP <> 'DELETE' THEN after END);
    RETURN NULL;
END $$;

CREATE FUNCTION approvals_audit_role() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    pair jsonb := CASE TG_OP WHEN 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
    role text;
    called text;
BEGIN
    EXECUTE format('SELECT name FROM %I.auth_group WHERE id = $1', TG_TABLE_SCHEMA)
        INTO role USING (pair ->> 'group_id')::bigint;
    EXECUTE format('SELECT COALESCE(NULLIF(name, ''''), username) FROM %I.accounts_member '
                   'WHERE id = $1', TG_TABLE_SCHEMA)
        INTO called USING (pair ->> 'member_id')::bigint;
    EXECUTE format('SELECT %I.approvals_audit_write($1, $2)', TG_TABLE_SCHEMA)
        USING TG_TABLE_SCHEMA::text, jsonb_build_object(
            'action', CASE TG_OP WHEN 'DELETE' THEN 'role.taken' ELSE 'role.given' END,
            'target_type', 'member', 'target_id', pair ->> 'member_id', 'target_name', called,
            'detail', jsonb_build_object('role', role));
    RETURN NULL;
END $$;
CREATE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON accounts_member_groups
    FOR EACH ROW EXECUTE FUNCTION approvals_audit_role();
"""

_APPROVAL = """
CREATE FUNCTION approvals_audit_approval() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was jsonb;
    becomes jsonb;
    said jsonb;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        was := to_jsonb(OLD);
    END IF;
    becomes := CASE TG_OP WHEN 'DELETE' THEN was ELSE to_jsonb(NEW) END;
    said := jsonb_build_object(
        'target_type', 'approval', 'target_id', becomes ->> 'id', 'target_name', becomes ->> 'tool',
        'run', becomes ->> 'run_id', 'trace', becomes ->> 'trace_id');
    IF TG_OP = 'INSERT' THEN
        said := said || jsonb_build_object(
            'action', 'approval.requested', 'member', becomes -> 'requester_id', 'via', 'agent',
            'detail', jsonb_build_object(
                'kind', becomes -> 'kind', 'tier', becomes -> 'tier', 'why', becomes -> 'why',
                'component', becomes -> 'component', 'step', becomes -> 'step_key'));
    ELSIF TG_OP = 'DELETE' THEN
        said := said || jsonb_build_object('action', 'approval.deleted',
            'before', jsonb_build_object('status', was -> 'status'));
    ELSE
        IF was = becomes THEN
            RETURN NULL;
        END IF;
        said := said || jsonb_build_object(
            'action', CASE
                WHEN was ->> 'status' <> becomes ->> 'status'
                    THEN 'approval.' || (becomes ->> 'status')
                WHEN was ->> 'escalated_at' IS NULL AND becomes ->> 'escalated_at' IS NOT NULL
                    THEN 'approval.escalated'
                ELSE 'approval.changed' END,
            'member', becomes -> 'decided_by_id',
            'via', CASE WHEN becomes ->> 'decided_by_id' IS NULL THEN 'system' END,
            'before', (SELECT jsonb_object_agg(o.key, o.value) FROM jsonb_each(was) o
                       WHERE o.value <> becomes -> o.key),
            'after', (SELECT jsonb_object_agg(n.key, n.value) FROM jsonb_each(becomes) n
                      WHERE n.value <> was -> n.key));
    END IF;
    EXECUTE format('SELECT %I.approvals_audit_write($1, $2)', TG_TABLE_SCHEMA)
        USING TG_TABLE_SCHEMA::text, said;
    RETURN NULL;
END $$;
CREATE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON approvals_approval
    FOR EACH ROW EXECUTE FUNCTION approvals_audit_approval();

CREATE FUNCTION approvals_audit_decision() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    row_is jsonb := CASE TG_OP WHEN 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
    about jsonb;
BEGIN
    EXECUTE format('SELECT jsonb_build_object(''tool'', tool, ''run'', run_id, ''trace'', trace_id) '
                   'FROM %I.approvals_approval WHERE id = $1', TG_TABLE_SCHEMA)
        INTO about USING (row_is ->> 'approval_id')::uuid;
    EXECUTE format('SELECT %I.approvals_audit_write($1, $2)', TG_TABLE_SCHEMA)
        USING TG_TABLE_SCHEMA::text, jsonb_build_object(
            'action', CASE TG_OP WHEN 'INSERT' THEN 'approval.decided'
                WHEN 'UPDATE' THEN 'decision.changed' ELSE 'decision.deleted' END,
            'target_type', 'approval', 'target_id', row_is ->> 'approval_id',
            'target_name', about ->> 'tool', 'run', about ->> 'run', 'trace', about ->> 'trace',
            'member', CASE TG_OP WHEN 'INSERT' THEN row_is -> 'member_id' END,
            'detail', jsonb_build_object(
                'decision', row_is -> 'decision', 'reason', row_is -> 'reason',
                'on_behalf_of', row_is -> 'on_behalf_of_id', 'edited', row_is -> 'arguments'));
    RETURN NULL;
END $$;
CREATE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON approvals_decision
    FOR EACH ROW EXECUTE FUNCTION approvals_audit_decision();
"""

_GOVERNED = (
    govern("accounts_member", "member", named_by="name,username", left_out="last_login",
           secret="password"),
    govern("accounts_apikey", "key", named_by="name",
           left_out="last_used_at,minute,minute_count", secret="digest",
           turns="revoked_at:revoked"),
    # Those that are over are swept by the hour, which is nobody's doing.
    govern("accounts_tokenfamily", "token", left_out="jti,stamp,expires_at",
           turns="revoked_at:revoked", events="INSERT OR UPDATE"),
    govern("accounts_invitation", "invitation", named_by="email", secret="nonce",
           turns="revoked_at:revoked,accepted_at:accepted"),
    govern("auth_group", "role", named_by="name"),
    govern("agents_agent", "agent", named_by="name", left_out="updated_at"),
    govern("agents_agent_run_roles", "agent_role"),
    govern("agents_revision", "revision", named_by="slug", left_out="spec"),
    govern("agents_promptsetting", "prompt_setting", named_by="key", left_out="updated_at"),
    govern("agents_tenantguardrail", "guardrail", named_by="name", left_out="updated_at"),
    govern("agents_session", "session", named_by="title", events="DELETE"),
    govern("agents_run", "run", named_by="slug", left_out="input,output,error,model,pauses",
           events="DELETE"),
    govern("approvals_grant", "grant", named_by="tool", left_out="updated_at"),
    govern("approvals_delegation", "delegation"),
    govern("providers_provider", "provider", named_by="name", left_out="updated_at",
           secret="api_key"),
    govern("providers_chatmodel", "model", named_by="name", left_out="updated_at"),
    govern("providers_fallback", "fallback"),
    govern("providers_modelsettings", "model_settings", left_out="updated_at"),
    govern("limits_defaultlimits", "limits"),
    govern("limits_memberlimits", "member_limits", named_by="member_id"),
)

_FUNCTIONS = ("keep()", "stamp()", "row()", "role()", "approval()", "decision()",
              "write(text, jsonb)")

FORWARD = _KEEP + _WRITE + _ROW + _APPROVAL + "\n".join(made for made, _ in _GOVERNED)
BACKWARD = (
    "\n".join(undone for _, undone in _GOVERNED)
    + "".join(
        f"DROP TRIGGER audited ON {table};"
        for table in ("accounts_member_groups", "approvals_approval", "approvals_decision")
    )
    + "".join(
        f"DROP TRIGGER kept ON {table}; DROP TRIGGER kept_whole ON {table};"
        for table in ("approvals_auditentry", "approvals_auditseal", "approvals_auditcheckpoint")
    )
    + "DROP TRIGGER stamped ON approvals_auditentry;"
    + "ALTER TABLE approvals_auditentry ALTER COLUMN id SET GENERATED BY DEFAULT;"
    + "".join(f"DROP FUNCTION approvals_audit_{name};" for name in _FUNCTIONS)
)


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0003_audit"),
        ("accounts", "0004_invitation"),
        ("agents", "0008_guardrails"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("limits", "0001_initial"),
        ("providers", "0001_initial"),
    ]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
