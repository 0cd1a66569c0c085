-- I16 One currency per order, in whole minor units
-- Account, attempts, refunds and ledger of an order carry the account's currency, the account's due is the
-- attempt's amount, and every money column is a bigint.
SELECT 'attempt' AS subject, attempt.order_id, attempt.currency AS found, account.currency AS wanted
  FROM payments_paymentattempt attempt
  JOIN payments_orderaccount account ON account.order_id = attempt.order_id
 WHERE attempt.currency <> account.currency
UNION ALL
SELECT 'refund', refund.order_id, refund.currency, account.currency
  FROM payments_refund refund
  JOIN payments_orderaccount account ON account.order_id = refund.order_id
 WHERE refund.currency <> account.currency
UNION ALL
SELECT 'ledger', entry.order_id, entry.currency, account.currency
  FROM payments_ledgerentry entry
  JOIN payments_orderaccount account ON account.order_id = entry.order_id
 WHERE entry.currency <> account.currency
UNION ALL
SELECT table_name || '.' || column_name, NULL, data_type, 'bigint'
  FROM information_schema.columns
 WHERE table_schema = current_schema() AND column_name LIKE '%\_minor' AND data_type <> 'bigint'
