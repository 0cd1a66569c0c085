-- I7 No warehouse request just waits
-- A request that is longer in its state than the state may last has an open alert on its order.
WITH state_limit (state, max_age) AS (
    VALUES ('planned', interval '3600 seconds'),
           ('on_hold', interval '259200 seconds'),
           ('ready', interval '900 seconds'),
           ('submitting', interval '300 seconds'),
           ('submit_unknown', interval '900 seconds'),
           ('submitted', interval '900 seconds'),
           ('accepted', interval '86400 seconds'),
           ('in_progress', interval '172800 seconds'),
           ('partially_shipped', interval '259200 seconds'),
           ('rejected', interval '900 seconds'),
           ('cancellation_requested', interval '3600 seconds')
)
SELECT subject.order_id, subject.reference, subject.state, subject.state_changed_at
  FROM fulfillment_fulfillment subject
  JOIN state_limit ON state_limit.state = subject.state
 WHERE subject.state_changed_at < now() - state_limit.max_age - interval '300 seconds'
   AND NOT EXISTS (
       SELECT 1 FROM core_alert alert
        WHERE alert.closed_at IS NULL
          AND alert.subject_type = 'order'
          AND alert.subject_id = subject.order_id)
