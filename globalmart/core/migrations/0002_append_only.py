"""What has happened cannot be changed: a trigger refuses it, whoever asks."""

from django.db import migrations

CREATE = """
CREATE FUNCTION oms_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER timeline_append_only BEFORE UPDATE OR DELETE ON core_timelineentry
    FOR EACH ROW EXECUTE FUNCTION oms_append_only();
"""
DROP = """
DROP TRIGGER timeline_append_only ON core_timelineentry;
DROP FUNCTION oms_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, DROP)]
