"""Stock adjustments are append-only."""

from django.db import migrations

CREATE = """
CREATE TRIGGER adjustment_append_only BEFORE UPDATE OR DELETE ON fulfillment_stockadjustment
    FOR EACH ROW EXECUTE FUNCTION oms_append_only();
"""
DROP = "DROP TRIGGER adjustment_append_only ON fulfillment_stockadjustment;"


class Migration(migrations.Migration):
    dependencies = [("fulfillment", "0001_initial"), ("core", "0002_append_only")]
    operations = [migrations.RunSQL(CREATE, DROP)]
