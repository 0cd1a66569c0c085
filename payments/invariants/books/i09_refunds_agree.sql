-- I9 Stripe's refunds and ours agree
-- Every refund at Stripe is here with the same payment, amount and end, and the other way round. What
-- changed within the last minute is left out: it may be under way; what does not fit has a case.
WITH book AS (
    SELECT *, CASE status WHEN 'canceled' THEN 'cancelled' ELSE status END AS state
      FROM book_stripe_refunds
     WHERE created_at::timestamptz < now() - interval '60 seconds'
), ours AS (
    SELECT refund.*, attempt.stripe_intent_id
      FROM payments_refund refund
      JOIN payments_paymentattempt attempt ON attempt.id = refund.attempt_id
     WHERE refund.stripe_refund_id IS NOT NULL
)
SELECT book.refund_id, ours.id AS our_id, book.status, ours.state,
       book.amount_minor AS book_amount_minor, ours.amount_minor
  FROM book
  FULL JOIN ours ON ours.stripe_refund_id = book.refund_id
 -- A failed refund that was tried again, or paid back another way, has left its first id behind.
 WHERE (ours.id IS NULL AND book.state NOT IN ('failed', 'cancelled'))
    OR (book.refund_id IS NULL AND ours.state_changed_at < now() - interval '60 seconds'
        AND NOT EXISTS (
            SELECT 1 FROM book_stripe_refunds recent
             WHERE recent.refund_id = ours.stripe_refund_id))
    OR book.intent_id <> ours.stripe_intent_id
    OR book.amount_minor <> ours.amount_minor
    OR (book.state IN ('succeeded', 'failed', 'cancelled') AND ours.state <> book.state
        AND ours.state NOT IN ('cancelled', 'external') AND ours.state_changed_at < now() - interval '60 seconds')
