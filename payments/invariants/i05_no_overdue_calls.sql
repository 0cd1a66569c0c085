-- I5 No call to Stripe and no webhook is overdue
-- What is due is tried within 15 minutes, and in vain only while its alert is open.
SELECT 'operation' AS subject, operation.id AS subject_id, operation.due_at, operation.last_error
  FROM payments_paymentoperation operation
  JOIN payments_paymentattempt attempt ON attempt.id = operation.attempt_id
 WHERE operation.due_at < now() - interval '900 seconds'
   AND NOT EXISTS (
       SELECT 1 FROM core_alert alert
        WHERE alert.closed_at IS NULL
          AND ((alert.subject_type = 'operation' AND alert.subject_id = operation.id)
               OR (alert.subject_type = 'order' AND alert.subject_id = attempt.order_id)))
UNION ALL
SELECT 'stripe event', id, due_at, last_error
  FROM payments_stripeevent
 WHERE due_at < now() - interval '900 seconds'
