-- I7 No order just waits
-- An order that is longer in its state than the state may last has an open alert (the watchdog
-- gets five minutes to open it). While it waits for its goods, or for an invited payment, the age
-- does not count.
WITH state_limit (state, max_age) AS (
    VALUES ('draft', interval '2592000 seconds'),
           ('pending_payment', interval '7200 seconds'),
           ('confirmed', interval '3600 seconds'),
           ('in_fulfillment', interval '259200 seconds')
)
SELECT subject.id AS order_id, subject.number, subject.state, subject.state_changed_at
  FROM orders_order subject
  JOIN state_limit ON state_limit.state = subject.state
 WHERE greatest(subject.state_changed_at, subject.waits_until)
       < now() - state_limit.max_age - interval '300 seconds'
   AND NOT EXISTS (
       SELECT 1 FROM core_alert alert
        WHERE alert.closed_at IS NULL
          AND alert.subject_type = 'order'
          AND alert.subject_id = subject.id)
