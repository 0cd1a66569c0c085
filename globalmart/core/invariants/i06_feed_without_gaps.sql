-- I6 The event feed has no gap and no repeat
-- Positions count up from 1 by 1 to the counter.
WITH numbered AS (
    SELECT position, lag(position, 1, 0::bigint) OVER (ORDER BY position) AS before
      FROM core_outboxevent
     WHERE position IS NOT NULL
)
SELECT 'gap or repeat' AS problem, before AS after_position, position AS found
  FROM numbered
 WHERE position <> before + 1
UNION ALL
SELECT 'counter', counter.position, coalesce(max(event.position), 0)
  FROM core_feedcounter counter
  LEFT JOIN core_outboxevent event ON event.position IS NOT NULL
 GROUP BY counter.name, counter.position
HAVING coalesce(max(event.position), 0) <> counter.position
