-- I7 No difference about money goes unnoticed
-- A case that is open has an open alert, so that staff are told until somebody has closed it.
SELECT found.id AS case_id, found.kind, found.subject, found.opened_at
  FROM payments_paymentcase found
 WHERE found.closed_at IS NULL
   AND found.opened_at < now() - interval '300 seconds'
   AND NOT EXISTS (
       SELECT 1 FROM core_alert alert
        WHERE alert.closed_at IS NULL
          AND alert.kind = 'payment_case'
          AND alert.subject_type = 'payment_case'
          AND alert.subject_id = found.id)
