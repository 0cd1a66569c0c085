-- I1 Never more money than was agreed
-- Of no attempt is more captured than authorized, or more authorized than asked for; of no order
-- is more kept than is due, over all its attempts (what goes back, or is reserved for that, is not
-- kept) unless a person who said no to its refund is still being told, and no more refunded than
-- captured.
SELECT 'attempt' AS subject, id AS subject_id, amount_minor AS limit_minor, captured_minor AS found_minor
  FROM payments_paymentattempt
 WHERE captured_minor > authorized_minor OR authorized_minor > amount_minor OR captured_minor < 0
UNION ALL
SELECT 'order', account.order_id, account.due_minor,
       sum(attempt.captured_minor - attempt.refunded_minor - attempt.refund_reserved_minor)
  FROM payments_orderaccount account
  JOIN payments_paymentattempt attempt ON attempt.order_id = account.order_id
 WHERE NOT EXISTS (
       SELECT 1 FROM core_alert alert
        WHERE alert.kind = 'refund_owed' AND alert.subject_type = 'order'
          AND alert.subject_id = account.order_id AND alert.closed_at IS NULL)
 GROUP BY account.order_id, account.due_minor
HAVING sum(attempt.captured_minor - attempt.refunded_minor - attempt.refund_reserved_minor)
       > account.due_minor
UNION ALL
SELECT 'account', order_id, captured_minor, refunded_minor + refund_reserved_minor
  FROM payments_orderaccount
 WHERE refunded_minor + refund_reserved_minor > captured_minor
