-- I7 No missing goods are forgotten
-- Missing goods of which nobody has decided, or which nobody has sent, for longer than that may last
-- have an open alert on their order.
WITH state_limit (state, max_age) AS (
    VALUES ('open', interval '259200 seconds'),
           ('waiting', interval '2592000 seconds')
)
SELECT line.order_id, subject.id AS shortage_id, subject.state, subject.state_changed_at
  FROM orders_ordershortage subject
  JOIN orders_orderline line ON line.id = subject.line_id
  JOIN state_limit ON state_limit.state = subject.state
 WHERE subject.state_changed_at < now() - state_limit.max_age - interval '300 seconds'
   AND NOT EXISTS (
       SELECT 1 FROM core_alert alert
        WHERE alert.closed_at IS NULL
          AND alert.subject_type = 'order'
          AND alert.subject_id = line.order_id)
