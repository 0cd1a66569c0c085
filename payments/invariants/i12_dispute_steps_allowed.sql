-- I12 Every step of a dispute was allowed
-- Each step in the timeline is one of the state table, and the last one is the dispute's state.
WITH allowed (before, after) AS (
    VALUES ('warning', 'lost'), ('warning', 'needs_response'), ('warning', 'under_review'),
           ('warning', 'won'), ('needs_response', 'lost'), ('needs_response', 'under_review'),
           ('needs_response', 'won'), ('under_review', 'lost'),
           ('under_review', 'needs_response'), ('under_review', 'won')
), step AS (
    SELECT entry.id, entry.subject_id AS order_id, entry.before, entry.after,
           entry.data->>'dispute' AS stripe_id,
           row_number() OVER (PARTITION BY entry.data->>'dispute' ORDER BY entry.id DESC) AS place
      FROM core_timelineentry entry
     WHERE entry.subject_type = 'order'
       AND entry.kind = 'dispute.' || entry.after
)
SELECT step.id AS entry_id, step.order_id, step.stripe_id, step.before, step.after
  FROM step
  LEFT JOIN payments_dispute dispute ON dispute.stripe_id = step.stripe_id
 WHERE (step.before <> '' AND NOT EXISTS (
           SELECT 1 FROM allowed
            WHERE allowed.before = step.before AND allowed.after = step.after))
    OR (step.place = 1 AND step.after IS DISTINCT FROM dispute.state)
