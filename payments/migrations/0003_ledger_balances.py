"""Each transaction of the ledger sums to zero per currency: seen at commit, whoever books."""

from django.db import migrations

CREATE = """
CREATE FUNCTION payments_ledger_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM payments_ledgerentry WHERE txn = NEW.txn
        GROUP BY currency HAVING sum(amount_minor) <> 0
    ) THEN
        RAISE EXCEPTION 'ledger transaction % does not balance', NEW.txn
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_balances';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_balances AFTER INSERT ON payments_ledgerentry
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION payments_ledger_balances();
"""
DROP = """
DROP TRIGGER ledger_balances ON payments_ledgerentry;
DROP FUNCTION payments_ledger_balances();
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0002_append_only")]
    operations = [migrations.RunSQL(CREATE, DROP)]
