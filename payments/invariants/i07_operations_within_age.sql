-- I7 No call to Stripe just waits
-- An operation that waits longer than its state allows has an open alert.
WITH state_limit (state, max_age) AS (
    VALUES ('planned', interval '900 seconds'),
           ('sent', interval '300 seconds'),
           ('unknown', interval '900 seconds')
)
SELECT subject.id AS operation_id, subject.kind, subject.state, subject.first_sent_at
  FROM payments_paymentoperation subject
  JOIN state_limit ON state_limit.state = subject.state
 WHERE coalesce(subject.first_sent_at, subject.due_at) < now() - state_limit.max_age - interval '300 seconds'
   AND subject.due_at IS NOT NULL
   AND NOT EXISTS (
       SELECT 1 FROM core_alert alert
        WHERE alert.closed_at IS NULL
          AND alert.subject_type = 'operation'
          AND alert.subject_id = subject.id)
