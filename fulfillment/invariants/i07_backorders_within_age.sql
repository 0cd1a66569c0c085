-- I7 No back-order just waits
-- An order that waits for units longer than a back-order may has an open alert.
WITH state_limit (state, max_age) AS (
    VALUES ('backordered', interval '1209600 seconds')
)
SELECT subject.order_id, subject.sku, subject.state, subject.backordered_at
  FROM fulfillment_reservation subject
  JOIN state_limit ON state_limit.state = subject.state
 WHERE subject.backordered_at < now() - state_limit.max_age - interval '300 seconds'
   AND NOT EXISTS (
       SELECT 1 FROM core_alert alert
        WHERE alert.closed_at IS NULL
          AND alert.subject_type = 'order'
          AND alert.subject_id = subject.order_id)
