-- I4 The ledger says what the disputes say
-- Booked on `disputes` is what banks have taken back and not decided: nothing for an inquiry and
-- after the end; on `losses`, what was lost. Whatever is on either belongs to a dispute.
SELECT dispute.stripe_id, dispute.order_id, dispute.state, dispute.amount_minor,
       coalesce(sum(entry.amount_minor) FILTER (WHERE entry.account = 'disputes'), 0)
           AS booked_disputed_minor,
       coalesce(sum(entry.amount_minor) FILTER (WHERE entry.account = 'losses'), 0)
           AS booked_lost_minor
  FROM payments_dispute dispute
 CROSS JOIN unnest(ARRAY['withdrawn', 'reinstated', 'lost']) AS what
  LEFT JOIN payments_ledgerentry entry
         ON entry.source = dispute.stripe_id || ':' || what AND entry.source <> ''
 GROUP BY dispute.id
HAVING coalesce(sum(entry.amount_minor) FILTER (WHERE entry.account = 'disputes'), 0)
       NOT IN (0, CASE WHEN dispute.state IN ('needs_response', 'under_review')
                       THEN dispute.amount_minor ELSE 0 END)
    OR coalesce(sum(entry.amount_minor) FILTER (WHERE entry.account = 'losses'), 0)
       NOT IN (0, CASE WHEN dispute.state = 'lost' THEN dispute.amount_minor ELSE 0 END)
UNION ALL
SELECT split_part(entry.source, ':', 1), entry.order_id, 'not there', 0, entry.amount_minor, 0
  FROM payments_ledgerentry entry
 WHERE entry.account IN ('disputes', 'losses')
   AND NOT EXISTS (SELECT 1 FROM payments_dispute
                    WHERE stripe_id = split_part(entry.source, ':', 1))
