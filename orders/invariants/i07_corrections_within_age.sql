-- I7 No wish to correct just waits
-- A correction that is undecided for longer than that may last has an open alert on its order.
WITH state_limit (state, max_age) AS (
    VALUES ('requested', interval '7200 seconds')
)
SELECT subject.order_id, subject.id AS correction_id, subject.state, subject.requested_at
  FROM orders_ordercorrection subject
  JOIN state_limit ON state_limit.state = subject.state
 WHERE subject.requested_at < now() - state_limit.max_age - interval '300 seconds'
   AND NOT EXISTS (
       SELECT 1 FROM core_alert alert
        WHERE alert.closed_at IS NULL
          AND alert.subject_type = 'order'
          AND alert.subject_id = subject.order_id)
