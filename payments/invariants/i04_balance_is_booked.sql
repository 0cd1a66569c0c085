-- I4 Every line of Stripe's balance is booked once
-- What a line alone tells of (its fee, and a payout or a charge of Stripe's in full) is on the
-- ledger's account `stripe`, and nothing is there without a payment or a line behind it.
WITH line AS (
    SELECT id, stripe_id, currency, created,
           CASE WHEN type IN ('payout', 'payout_cancel', 'payout_failure', 'topup', 'topup_reversal',
                              'stripe_fee', 'stripe_fx_fee', 'tax_fee') THEN net_minor
                -- An exchanged amount is booked as coming from the customer's currency.
                WHEN EXISTS (SELECT 1 FROM payments_ledgerentry entry
                              WHERE entry.source = told.stripe_id || ':exchanged') THEN net_minor
                ELSE -fee_minor
           END AS own_minor
      FROM payments_balancetransaction told
)
SELECT line.stripe_id AS source, line.currency, line.own_minor AS line_minor,
       coalesce(sum(entry.amount_minor), 0) AS booked_minor
  FROM line
  LEFT JOIN payments_ledgerentry entry
         ON entry.source = line.stripe_id AND entry.account = 'stripe'
 GROUP BY line.id, line.stripe_id, line.currency, line.own_minor
HAVING coalesce(sum(entry.amount_minor), 0) <> line.own_minor
UNION ALL
SELECT entry.source, entry.currency, NULL, entry.amount_minor
  FROM payments_ledgerentry entry
 WHERE entry.account = 'stripe'
   AND entry.attempt_id IS NULL
   AND NOT EXISTS (
       SELECT 1 FROM payments_balancetransaction told
        WHERE told.stripe_id = split_part(entry.source, ':', 1))
