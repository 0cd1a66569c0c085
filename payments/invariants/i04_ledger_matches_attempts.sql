-- I4 The ledger says what the attempts say
-- Booked on `holds` is what each attempt holds and has not captured; on `sales`, what it captured; on
-- `refunds`, what of that was given back.
WITH booked AS (
    SELECT attempt_id,
           coalesce(sum(amount_minor) FILTER (WHERE account = 'holds'), 0) AS held,
           -coalesce(sum(amount_minor) FILTER (WHERE account = 'sales'), 0) AS captured,
           coalesce(sum(amount_minor) FILTER (WHERE account = 'refunds'), 0) AS refunded
      FROM payments_ledgerentry
     GROUP BY attempt_id
)
SELECT attempt.id AS attempt_id, attempt.order_id, attempt.authorized_minor, attempt.captured_minor,
       attempt.refunded_minor, booked.held AS booked_held_minor,
       booked.captured AS booked_captured_minor, booked.refunded AS booked_refunded_minor
  FROM payments_paymentattempt attempt
  LEFT JOIN booked ON booked.attempt_id = attempt.id
 WHERE coalesce(booked.captured, 0) <> attempt.captured_minor
    OR coalesce(booked.refunded, 0) <> attempt.refunded_minor
    OR coalesce(booked.held, 0) <> attempt.authorized_minor - attempt.captured_minor
