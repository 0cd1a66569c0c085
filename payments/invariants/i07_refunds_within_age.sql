-- I7 No refund just waits
-- A refund that is longer in its state than the state may last has an open alert.
WITH state_limit (state, max_age) AS (
    VALUES ('requested', interval '172800 seconds'),
           ('approved', interval '900 seconds'),
           ('processing', interval '900 seconds'),
           ('unknown', interval '900 seconds'),
           ('pending', interval '864000 seconds'),
           ('requires_action', interval '172800 seconds'),
           ('failed', interval '300 seconds'),
           ('manual', interval '172800 seconds'),
           ('external', interval '900 seconds')
)
SELECT subject.id AS refund_id, subject.order_id, subject.state, subject.state_changed_at
  FROM payments_refund subject
  JOIN state_limit ON state_limit.state = subject.state
 WHERE subject.state_changed_at < now() - state_limit.max_age - interval '300 seconds'
   AND NOT EXISTS (
       SELECT 1 FROM core_alert alert
        WHERE alert.closed_at IS NULL
          AND ((alert.subject_type = 'refund' AND alert.subject_id = subject.id)
               OR (alert.subject_type = 'order' AND alert.subject_id = subject.order_id)))
