-- I12 Every step of a refund was allowed
-- Each step in the timeline is one of the state table, and the last one is the refund's state.
WITH allowed (before, after) AS (
    VALUES ('requested', 'approved'), ('requested', 'cancelled'), ('requested', 'rejected'),
           ('approved', 'cancelled'), ('approved', 'processing'), ('processing', 'cancelled'),
           ('processing', 'failed'), ('processing', 'pending'), ('processing', 'requires_action'),
           ('processing', 'succeeded'), ('processing', 'unknown'), ('pending', 'cancelled'),
           ('pending', 'failed'), ('pending', 'requires_action'), ('pending', 'succeeded'),
           ('requires_action', 'cancelled'), ('requires_action', 'failed'),
           ('requires_action', 'pending'), ('requires_action', 'succeeded'),
           ('unknown', 'cancelled'), ('unknown', 'failed'), ('unknown', 'pending'),
           ('unknown', 'processing'), ('unknown', 'requires_action'), ('unknown', 'succeeded'),
           ('succeeded', 'failed'), ('failed', 'cancelled'), ('failed', 'manual'),
           ('failed', 'processing'), ('manual', 'succeeded'), ('external', 'cancelled'),
           ('external', 'failed'), ('external', 'pending'), ('external', 'requires_action'),
           ('external', 'succeeded')
), step AS (
    SELECT entry.id, entry.subject_id AS order_id, entry.before, entry.after,
           (entry.data->>'refund')::bigint AS refund_id,
           row_number() OVER (PARTITION BY entry.data->>'refund' ORDER BY entry.id DESC) AS place
      FROM core_timelineentry entry
     WHERE entry.subject_type = 'order'
       AND entry.kind = 'refund.' || entry.after
)
SELECT step.id AS entry_id, step.order_id, step.refund_id, step.before, step.after
  FROM step
  LEFT JOIN payments_refund refund ON refund.id = step.refund_id
 WHERE (step.before <> '' AND NOT EXISTS (
           SELECT 1 FROM allowed
            WHERE allowed.before = step.before AND allowed.after = step.after))
    OR (step.place = 1 AND step.after IS DISTINCT FROM refund.state)
