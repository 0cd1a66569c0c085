-- I17 The ledger cannot be rewritten
-- The trigger that refuses UPDATE and DELETE is there and enabled.
SELECT 'payments_ledgerentry' AS table_name, 'trigger ledger_append_only is missing or disabled' AS problem
 WHERE NOT EXISTS (
       SELECT 1 FROM pg_trigger
        WHERE tgrelid = 'payments_ledgerentry'::regclass AND tgname = 'ledger_append_only' AND tgenabled <> 'D')
