-- I1 Never more given back than was captured
-- Of no attempt is more refunded and reserved than was captured; both are the sums of its refunds in
-- the states that say so, and the parts of every refund sum to its amount.
SELECT 'attempt' AS subject, id AS subject_id, captured_minor AS expected_minor,
       refunded_minor + refund_reserved_minor AS found_minor
  FROM payments_paymentattempt
 WHERE refunded_minor + refund_reserved_minor > captured_minor
UNION ALL
SELECT 'refunded', attempt.id, coalesce(sum(refund.amount_minor), 0), attempt.refunded_minor
  FROM payments_paymentattempt attempt
  LEFT JOIN payments_refund refund
    ON refund.attempt_id = attempt.id AND refund.state = 'succeeded'
 GROUP BY attempt.id
HAVING coalesce(sum(refund.amount_minor), 0) <> attempt.refunded_minor
UNION ALL
SELECT 'reserved', attempt.id, coalesce(sum(refund.amount_minor), 0), attempt.refund_reserved_minor
  FROM payments_paymentattempt attempt
  LEFT JOIN payments_refund refund
    ON refund.attempt_id = attempt.id
   AND refund.state IN ('approved', 'processing', 'unknown', 'pending', 'requires_action', 'manual')
 GROUP BY attempt.id
HAVING coalesce(sum(refund.amount_minor), 0) <> attempt.refund_reserved_minor
UNION ALL
SELECT 'refund', refund.id, refund.amount_minor, coalesce(sum(item.amount_minor), 0)
  FROM payments_refund refund
  LEFT JOIN payments_refunditem item ON item.refund_id = refund.id
 GROUP BY refund.id
HAVING coalesce(sum(item.amount_minor), 0) <> refund.amount_minor
