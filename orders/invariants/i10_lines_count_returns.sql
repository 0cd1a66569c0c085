-- I10 Lines count what came back
-- The returned units of a line are those that were accepted of its returns.
SELECT line.id AS line_id, line.returned, coalesce(sum(back.quantity), 0) AS accepted
  FROM orders_orderline line
  LEFT JOIN orders_returnline back ON back.line_id = line.id AND back.decision = 'accepted'
 WHERE line.returned > 0 OR back.id IS NOT NULL
 GROUP BY line.id
HAVING line.returned <> coalesce(sum(back.quantity), 0)
