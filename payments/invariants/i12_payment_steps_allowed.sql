-- I12 Every step of a payment was allowed
-- Each step in the timeline is one of the state table.
WITH allowed (before, after) AS (
    VALUES ('created', 'authorized'), ('created', 'cancelled'), ('created', 'captured'),
           ('created', 'expired'), ('created', 'failed'), ('created', 'processing'),
           ('created', 'requires_action'), ('created', 'unknown'), ('processing', 'authorized'),
           ('processing', 'cancelled'), ('processing', 'captured'), ('processing', 'created'),
           ('processing', 'expired'), ('processing', 'failed'),
           ('processing', 'requires_action'), ('processing', 'unknown'),
           ('requires_action', 'authorized'), ('requires_action', 'cancelled'),
           ('requires_action', 'captured'), ('requires_action', 'created'),
           ('requires_action', 'expired'), ('requires_action', 'failed'),
           ('requires_action', 'processing'), ('requires_action', 'unknown'),
           ('unknown', 'authorized'), ('unknown', 'cancelled'), ('unknown', 'captured'),
           ('unknown', 'created'), ('unknown', 'expired'), ('unknown', 'failed'),
           ('unknown', 'processing'), ('unknown', 'requires_action'),
           ('authorized', 'cancelled'), ('authorized', 'captured'), ('authorized', 'expired'),
           ('authorized', 'partially_captured'), ('partially_captured', 'captured')
)
SELECT entry.id AS entry_id, entry.subject_id AS order_id, entry.before, entry.after
  FROM core_timelineentry entry
 WHERE entry.subject_type = 'order'
   AND entry.kind = 'payment.' || entry.after
   AND entry.before <> ''
   AND NOT EXISTS (
       SELECT 1 FROM allowed
        WHERE allowed.before = entry.before AND allowed.after = entry.after)
