"""The ledger is append-only."""

from django.db import migrations

CREATE = """
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE ON payments_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION oms_append_only();
"""
DROP = "DROP TRIGGER ledger_append_only ON payments_ledgerentry;"


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial"), ("core", "0002_append_only")]
    operations = [migrations.RunSQL(CREATE, DROP)]
