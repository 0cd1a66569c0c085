"""No count replaces a younger one."""

from django.db import migrations

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
    dependencies = [("fulfillment", "0002_append_only")]
    operations = [migrations.RunSQL(CREATE, DROP)]
