"""What counts need: units that left before they were known of, since when a reservation waits, and
a trigger that lets no count replace a younger one."""

from django.db import migrations, models

CREATE = """
CREATE FUNCTION fulfillment_refuse_older_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a younger count of % is there', OLD.sku
          USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'count_goes_on';
END $$;
CREATE TRIGGER count_goes_on BEFORE UPDATE OF counted_at ON fulfillment_stock
    FOR EACH ROW WHEN (OLD.counted_at > NEW.counted_at
                       OR OLD.counted_at IS NOT NULL AND NEW.counted_at IS NULL)
    EXECUTE FUNCTION fulfillment_refuse_older_count();
"""
DROP = """
DROP TRIGGER count_goes_on ON fulfillment_stock;
DROP FUNCTION fulfillment_refuse_older_count();
"""


class Migration(migrations.Migration):
    dependencies = [("fulfillment", "0005_warehouse_handshake")]
    operations = [
        migrations.AddField(
            model_name="stock",
            name="overdrawn",
            field=models.IntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="stock",
            name="counted",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="reservation",
            name="backordered_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="stock",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("overdrawn", 0),
                    models.Q(("on_hand", 0), ("overdrawn__gt", 0)),
                    _connector="OR",
                ),
                name="overdrawn_is_empty",
            ),
        ),
        migrations.AddConstraint(
            model_name="reservation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "backordered"), _negated=True),
                    ("backordered_at__isnull", False),
                    _connector="OR",
                ),
                name="backordered_since_when",
            ),
        ),
        migrations.AddIndex(
            model_name="stockadjustment",
            index=models.Index(fields=["warehouse", "occurred_at"], name="adjustment_moment"),
        ),
        migrations.AddIndex(
            model_name="shipment",
            index=models.Index(fields=["warehouse", "shipped_at"], name="shipment_moment"),
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
