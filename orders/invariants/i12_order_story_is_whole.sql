-- I12 The timeline tells an order's whole story
-- Every order begins in the timeline, each step begins where the one before it ended, and the last
-- one ends in the state that the order is in.
WITH step AS (
    SELECT subject_id, id, before, after,
           lag(after, 1, '') OVER (PARTITION BY subject_id ORDER BY id) AS came_from,
           lead(id) OVER (PARTITION BY subject_id ORDER BY id) IS NULL AS is_last
      FROM core_timelineentry
     WHERE subject_type = 'order'
       AND (kind = 'order.placed' OR kind = 'order.' || after)
)
SELECT placed.id AS order_id, placed.number, placed.state, step.before, step.after
  FROM orders_order placed
  LEFT JOIN step ON step.subject_id = placed.id
 WHERE step.id IS NULL
    OR step.before <> step.came_from
    OR (step.is_last AND step.after <> placed.state)
