"""The items of a refund sum to its amount: seen at commit, whoever writes."""

from django.db import migrations

CREATE = """
CREATE FUNCTION payments_refund_items_sum() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed bigint := CASE WHEN TG_TABLE_NAME = 'payments_refund' THEN NEW.id
                           ELSE (to_jsonb(NEW)->>'refund_id')::bigint END;
BEGIN
    IF EXISTS (
        SELECT 1 FROM payments_refund refund
         WHERE refund.id = changed
           AND refund.amount_minor <> (
               SELECT coalesce(sum(amount_minor), 0) FROM payments_refunditem
                WHERE refund_id = changed)
    ) THEN
        RAISE EXCEPTION 'the items of refund % do not sum to its amount', changed
            USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_items_sum';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER refund_items_sum AFTER INSERT OR UPDATE OF amount_minor
    ON payments_refund DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION payments_refund_items_sum();
CREATE CONSTRAINT TRIGGER refund_items_sum AFTER INSERT OR UPDATE
    ON payments_refunditem DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION payments_refund_items_sum();
"""
DROP = """
DROP TRIGGER refund_items_sum ON payments_refund;
DROP TRIGGER refund_items_sum ON payments_refunditem;
DROP FUNCTION payments_refund_items_sum();
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0003_ledger_balances")]
    operations = [migrations.RunSQL(CREATE, DROP)]
