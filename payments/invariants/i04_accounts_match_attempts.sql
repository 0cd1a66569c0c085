-- I4 Order accounts are the sums of their attempts
-- What an order's account says was authorized, captured, refunded and reserved for refunds is what
-- its attempts say together.
SELECT account.order_id, account.authorized_minor, account.captured_minor, account.refunded_minor,
       account.refund_reserved_minor,
       coalesce(sum(attempt.authorized_minor), 0) AS attempts_authorized_minor,
       coalesce(sum(attempt.captured_minor), 0) AS attempts_captured_minor,
       coalesce(sum(attempt.refunded_minor), 0) AS attempts_refunded_minor,
       coalesce(sum(attempt.refund_reserved_minor), 0) AS attempts_reserved_minor
  FROM payments_orderaccount account
  LEFT JOIN payments_paymentattempt attempt ON attempt.order_id = account.order_id
 GROUP BY account.id
HAVING coalesce(sum(attempt.authorized_minor), 0) <> account.authorized_minor
    OR coalesce(sum(attempt.captured_minor), 0) <> account.captured_minor
    OR coalesce(sum(attempt.refunded_minor), 0) <> account.refunded_minor
    OR coalesce(sum(attempt.refund_reserved_minor), 0) <> account.refund_reserved_minor
