-- I18 No call to Stripe is without an answer for a day
-- Stripe forgets idempotency keys after 24 hours; an operation still without a definite answer by
-- then has an open alert.
SELECT operation.id AS operation_id, attempt.order_id, operation.kind, operation.state,
       operation.first_sent_at
  FROM payments_paymentoperation operation
  JOIN payments_paymentattempt attempt ON attempt.id = operation.attempt_id
 WHERE operation.state IN ('sent', 'unknown')
   AND operation.first_sent_at < now() - interval '86400 seconds'
   AND NOT EXISTS (
       SELECT 1 FROM core_alert alert
        WHERE alert.closed_at IS NULL
          AND ((alert.subject_type = 'operation' AND alert.subject_id = operation.id)
               OR (alert.subject_type = 'order' AND alert.subject_id = attempt.order_id)))
