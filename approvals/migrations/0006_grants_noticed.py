"""A changed grant holds at the next call of every process, whichever way it was changed.

The ORM's signals tell of single rows; this tells of `QuerySet.update`, bulk writes and SQL as well.
"""

from django.db import migrations

_FORWARD = """
CREATE FUNCTION approvals_grants_noticed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('concord_notices', json_build_object(
        'kind', 'grants', 'schema', TG_TABLE_SCHEMA, 'from', '', 'fields', '{}'::json)::text);
    RETURN NULL;
END $$;
CREATE TRIGGER noticed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON approvals_grant
    FOR EACH STATEMENT EXECUTE FUNCTION approvals_grants_noticed();
"""
_BACKWARD = """
DROP TRIGGER noticed ON approvals_grant;
DROP FUNCTION approvals_grants_noticed();
"""


class Migration(migrations.Migration):
    dependencies = [("approvals", "0005_platform_on_record")]

    operations = [migrations.RunSQL(_FORWARD, _BACKWARD)]
