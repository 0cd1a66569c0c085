-- I4 The ledger balances
-- The entries of every booking sum to zero in each currency.
SELECT txn, currency, sum(amount_minor) AS difference_minor, count(*) AS entries
  FROM payments_ledgerentry
 GROUP BY txn, currency
HAVING sum(amount_minor) <> 0
