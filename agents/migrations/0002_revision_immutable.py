"""Published revisions can't be changed, whoever asks: the database refuses."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION agents_refuse_revision_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a published revision is immutable' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER agents_revision_immutable BEFORE UPDATE OR DELETE ON agents_revision
    FOR EACH ROW EXECUTE FUNCTION agents_refuse_revision_change();
"""
BACKWARD = """
DROP TRIGGER agents_revision_immutable ON agents_revision;
DROP FUNCTION agents_refuse_revision_change();
"""


class Migration(migrations.Migration):
    dependencies = [("agents", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
