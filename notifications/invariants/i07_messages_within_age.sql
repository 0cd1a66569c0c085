-- I7 No message just waits
-- A message that is longer in its state than the state may last has an open alert.
WITH state_limit (state, max_age) AS (
    VALUES ('queued', interval '1800 seconds'),
           ('sending', interval '300 seconds'),
           ('unknown', interval '3600 seconds')
)
SELECT subject.id AS message_id, subject.kind, subject.state, subject.state_changed_at
  FROM notifications_message subject
  JOIN state_limit ON state_limit.state = subject.state
 WHERE subject.state_changed_at < now() - state_limit.max_age - interval '300 seconds'
   AND NOT EXISTS (
       SELECT 1 FROM core_alert alert
        WHERE alert.closed_at IS NULL
          AND alert.subject_type = 'order'
          AND alert.subject_id = subject.order_id)
