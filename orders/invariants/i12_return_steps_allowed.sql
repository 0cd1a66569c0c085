-- I12 Every step of a return was allowed
-- Each step in the timeline is one of the state table, and the last one is the return's state.
WITH allowed (before, after) AS (
    VALUES ('requested', 'approved'), ('requested', 'cancelled'), ('requested', 'declined'),
           ('approved', 'awaiting_goods'), ('approved', 'cancelled'),
           ('awaiting_goods', 'cancelled'), ('awaiting_goods', 'expired'),
           ('awaiting_goods', 'in_transit'), ('awaiting_goods', 'partially_received'),
           ('awaiting_goods', 'received'), ('in_transit', 'expired'),
           ('in_transit', 'partially_received'), ('in_transit', 'received'),
           ('partially_received', 'received'), ('received', 'inspected'), ('inspected', 'closed')
), step AS (
    SELECT entry.id, entry.subject_id AS order_id, entry.before, entry.after,
           entry.data->>'return' AS number,
           row_number() OVER (PARTITION BY entry.data->>'return' ORDER BY entry.id DESC) AS place
      FROM core_timelineentry entry
     WHERE entry.subject_type = 'order'
       AND entry.kind = 'return.' || entry.after
)
SELECT step.id AS entry_id, step.order_id, step.number, step.before, step.after
  FROM step
  LEFT JOIN orders_return subject ON subject.number = step.number
 WHERE (step.before <> '' AND NOT EXISTS (
           SELECT 1 FROM allowed
            WHERE allowed.before = step.before AND allowed.after = step.after))
    OR (step.place = 1 AND step.after IS DISTINCT FROM subject.state)
