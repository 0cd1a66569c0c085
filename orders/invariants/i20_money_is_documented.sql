-- I20 Money that moved has its document
-- Every capture, refund and return of a refund that was booked an hour ago or more has its invoice or
-- credit note over the same amount, and no document is for anything else: so the invoices less the
-- credit notes are what was captured less what was refunded. Money of a late attempt pays for nothing.
WITH moved AS (
    SELECT CASE WHEN entry.account = 'sales' THEN 'capture:'
                WHEN entry.amount_minor > 0 THEN 'refund:' ELSE 'reversal:' END || entry.txn AS source,
           entry.order_id, abs(entry.amount_minor) AS amount_minor, entry.booked_at
      FROM payments_ledgerentry entry
      JOIN payments_paymentattempt attempt ON attempt.id = entry.attempt_id
     WHERE entry.account IN ('sales', 'refunds') AND attempt.purpose NOT LIKE 'late:%'
)
SELECT coalesce(moved.order_id, written.order_id) AS order_id, written.number,
       coalesce(moved.source, written.source) AS source, moved.amount_minor, written.gross_minor
  FROM moved
  FULL JOIN orders_document written ON written.source = moved.source
 WHERE (written.id IS NULL AND moved.booked_at < now() - interval '1 hour')
    OR moved.source IS NULL
    OR written.gross_minor <> moved.amount_minor
    OR written.order_id <> moved.order_id
    OR written.kind <> CASE split_part(moved.source, ':', 1) WHEN 'capture' THEN 'invoice'
                       WHEN 'refund' THEN 'credit_note' ELSE 'credit_note_reversal' END
