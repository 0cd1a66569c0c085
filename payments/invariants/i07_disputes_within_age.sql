-- I7 No dispute just waits
-- A dispute that is longer in its state than the state may last has an open alert (the watchdog
-- gets five minutes to open it).
WITH state_limit (state, max_age) AS (
    VALUES ('warning', interval '432000 seconds'),
           ('needs_response', interval '432000 seconds'),
           ('under_review', interval '7776000 seconds')
)
SELECT subject.stripe_id, subject.order_id, subject.state, subject.state_changed_at
  FROM payments_dispute subject
  JOIN state_limit ON state_limit.state = subject.state
 WHERE subject.state_changed_at < now() - state_limit.max_age - interval '300 seconds'
   AND NOT EXISTS (
       SELECT 1 FROM core_alert alert
        WHERE alert.closed_at IS NULL
          AND alert.subject_type = 'dispute'
          AND alert.subject_id = subject.id)
