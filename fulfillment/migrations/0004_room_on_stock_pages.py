"""Every order changes some rows of stock: room beside them keeps a change on its page."""

from django.db import migrations

SET = "ALTER TABLE fulfillment_stock SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02)"
RESET = "ALTER TABLE fulfillment_stock RESET (fillfactor, autovacuum_vacuum_scale_factor)"


class Migration(migrations.Migration):
    dependencies = [("fulfillment", "0003_counts_go_on")]
    operations = [migrations.RunSQL(SET, RESET)]
