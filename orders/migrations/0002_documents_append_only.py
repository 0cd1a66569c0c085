"""Documents are never changed, and their numbers follow each other: whoever writes them."""

from django.db import migrations

CREATE = """
CREATE TRIGGER document_append_only BEFORE UPDATE OR DELETE ON orders_document
    FOR EACH ROW EXECUTE FUNCTION oms_append_only();
CREATE FUNCTION orders_document_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.sequence <> coalesce(
        (SELECT max(sequence) FROM orders_document WHERE series_id = NEW.series_id), 0) + 1
    THEN
        RAISE EXCEPTION 'document % does not follow the last of its series', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'document_follows';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER document_follows BEFORE INSERT ON orders_document
    FOR EACH ROW EXECUTE FUNCTION orders_document_follows();
"""
DROP = """
DROP TRIGGER document_follows ON orders_document;
DROP FUNCTION orders_document_follows();
DROP TRIGGER document_append_only ON orders_document;
"""


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial"), ("core", "0002_append_only")]
    operations = [migrations.RunSQL(CREATE, DROP)]
