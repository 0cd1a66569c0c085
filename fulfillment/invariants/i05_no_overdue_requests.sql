-- I5 No warehouse request is overdue
-- What is due is tried within 15 minutes, and in vain only while an alert on its order is open.
SELECT fulfillment.id AS fulfillment_id, fulfillment.order_id, fulfillment.due_at,
       fulfillment.last_error
  FROM fulfillment_fulfillment fulfillment
 WHERE fulfillment.due_at < now() - interval '900 seconds'
   AND NOT EXISTS (
       SELECT 1 FROM core_alert alert
        WHERE alert.closed_at IS NULL
          AND alert.subject_type = 'order' AND alert.subject_id = fulfillment.order_id)
