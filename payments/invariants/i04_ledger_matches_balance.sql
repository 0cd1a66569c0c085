-- I4 The ledger's account `stripe` is our balance at Stripe
-- For each payment that has been at rest for an hour, and so in all: what Stripe's balance lists of
-- it is what the ledger has booked, or a case is open. Nothing is compared before the balance was
-- read, nor what is younger than the last reading.
WITH reading AS (
    SELECT min(read_until) - interval '3600 seconds' AS at_rest
      FROM payments_cursor WHERE name = 'stripe.balance'
), ours AS (
    SELECT coalesce(attempt.stripe_intent_id, attempt.uuid::text) AS thing, entry.currency,
           min(entry.attempt_id) AS attempt_id, sum(entry.amount_minor) AS amount_minor,
           max(entry.booked_at) AS moved_at
      FROM payments_ledgerentry entry
      JOIN payments_paymentattempt attempt ON attempt.id = entry.attempt_id
     WHERE entry.account = 'stripe'
     GROUP BY thing, entry.currency
), theirs AS (
    SELECT CASE WHEN told.source = '' THEN told.stripe_id ELSE told.source END AS thing,
           coalesce(exchanged.currency, told.currency) AS currency,
           sum(coalesce(-exchanged.amount_minor, told.amount_minor)) AS amount_minor,
           max(told.created) AS moved_at
      FROM payments_balancetransaction told
      LEFT JOIN payments_ledgerentry exchanged
             ON exchanged.account = 'stripe' AND exchanged.source = told.stripe_id || ':exchanged'
     WHERE told.type NOT IN ('payout', 'payout_cancel', 'payout_failure', 'topup', 'topup_reversal',
                             'stripe_fee', 'stripe_fx_fee', 'tax_fee')
     GROUP BY 1, 2
)
SELECT coalesce(ours.thing, theirs.thing) AS payment, ours.attempt_id,
       coalesce(ours.currency, theirs.currency) AS currency,
       coalesce(ours.amount_minor, 0) AS ledger_minor,
       coalesce(theirs.amount_minor, 0) AS balance_minor
  FROM ours
  FULL JOIN theirs ON theirs.thing = ours.thing AND theirs.currency = ours.currency
 WHERE coalesce(ours.amount_minor, 0) <> coalesce(theirs.amount_minor, 0)
   AND greatest(ours.moved_at, theirs.moved_at) < (SELECT at_rest FROM reading)
   AND NOT EXISTS (
       SELECT 1 FROM payments_refund refund
        WHERE refund.attempt_id = ours.attempt_id
          AND refund.state IN ('processing', 'unknown', 'pending', 'requires_action', 'external'))
   AND NOT EXISTS (
       SELECT 1 FROM payments_paymentcase found
        WHERE found.closed_at IS NULL
          AND found.subject = coalesce(ours.thing, theirs.thing))
