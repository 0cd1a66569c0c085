-- I7 No payment just waits
-- An attempt that is longer in its state than the state may last has an open alert on its order
-- (the watchdog gets five minutes to open it).
WITH state_limit (state, max_age) AS (
    VALUES ('created', interval '3600 seconds'),
           ('processing', interval '3600 seconds'),
           ('requires_action', interval '7200 seconds'),
           ('unknown', interval '900 seconds'),
           ('authorized', interval '518400 seconds'),
           ('partially_captured', interval '518400 seconds')
)
SELECT subject.order_id, subject.number AS attempt, subject.state, subject.state_changed_at
  FROM payments_paymentattempt subject
  JOIN state_limit ON state_limit.state = subject.state
 WHERE subject.state_changed_at < now() - state_limit.max_age - interval '300 seconds'
   AND NOT EXISTS (
       SELECT 1 FROM core_alert alert
        WHERE alert.closed_at IS NULL
          AND alert.subject_type = 'order'
          AND alert.subject_id = subject.order_id)
