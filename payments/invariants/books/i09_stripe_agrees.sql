-- I9 Stripe's book and ours agree
-- Every intent at Stripe that holds or took money belongs to one attempt with the same amounts, and
-- the other way round. The last minute is left out: it may be under way.
WITH book AS (
    SELECT * FROM book_stripe_intents
     WHERE status IN ('requires_capture', 'succeeded')
       AND created_at::timestamptz < now() - interval '60 seconds'
), ours AS (
    SELECT * FROM payments_paymentattempt
     WHERE authorized_minor > 0 AND state_changed_at < now() - interval '60 seconds'
)
SELECT book.intent_id, ours.id AS attempt_id, book.status, ours.state,
       book.amount_minor AS book_amount_minor, ours.amount_minor,
       book.captured_minor AS book_captured_minor, ours.captured_minor
  FROM book
  FULL JOIN ours ON ours.stripe_intent_id = book.intent_id
 WHERE (ours.id IS NULL AND NOT EXISTS (
            SELECT 1 FROM payments_paymentattempt recent
             WHERE recent.stripe_intent_id = book.intent_id
               AND recent.state_changed_at >= now() - interval '60 seconds'))
    OR (book.intent_id IS NULL AND NOT EXISTS (
            SELECT 1 FROM book_stripe_intents recent
             WHERE recent.intent_id = ours.stripe_intent_id
               AND recent.created_at::timestamptz >= now() - interval '60 seconds'))
    OR book.amount_minor <> ours.amount_minor
    OR book.captured_minor <> ours.captured_minor
    OR upper(book.currency) <> upper(ours.currency)
