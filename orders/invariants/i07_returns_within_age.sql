-- I7 No return is forgotten
-- A return that nothing moves for longer than its state may last has an open alert on its order.
WITH state_limit (state, max_age) AS (
    VALUES ('requested', interval '172800 seconds'),
           ('approved', interval '86400 seconds'),
           ('awaiting_goods', interval '3888000 seconds'),
           ('in_transit', interval '3888000 seconds'),
           ('partially_received', interval '1209600 seconds'),
           ('received', interval '259200 seconds'),
           ('inspected', interval '259200 seconds')
)
SELECT subject.order_id, subject.number, subject.state, subject.state_changed_at
  FROM orders_return subject
  JOIN state_limit ON state_limit.state = subject.state
 WHERE subject.state_changed_at < now() - state_limit.max_age - interval '300 seconds'
   AND NOT EXISTS (
       SELECT 1 FROM core_alert alert
        WHERE alert.closed_at IS NULL
          AND alert.subject_type = 'order'
          AND alert.subject_id = subject.order_id)
