-- I12 Every step of an order was allowed
-- Each step in the timeline is one of the state table.
WITH allowed (before, after) AS (
    VALUES ('draft', 'cancelled'), ('draft', 'pending_payment'),
           ('pending_payment', 'cancelled'), ('pending_payment', 'confirmed'),
           ('pending_payment', 'expired'), ('expired', 'confirmed'), ('confirmed', 'cancelled'),
           ('confirmed', 'in_fulfillment'), ('in_fulfillment', 'cancelled'),
           ('in_fulfillment', 'completed'), ('completed', 'in_fulfillment')
)
SELECT entry.id AS entry_id, entry.subject_id AS order_id, entry.before, entry.after
  FROM core_timelineentry entry
 WHERE entry.subject_type = 'order'
   AND entry.kind = 'order.' || entry.after
   AND entry.before <> ''
   AND NOT EXISTS (
       SELECT 1 FROM allowed
        WHERE allowed.before = entry.before AND allowed.after = entry.after)
