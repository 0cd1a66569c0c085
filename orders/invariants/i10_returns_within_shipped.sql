-- I10 No more is asked back than was shipped
-- What came back of a line, and what of its open returns nobody has decided, was shipped.
SELECT line.id AS line_id, line.shipped, line.returned, sum(back.quantity) AS asked_back
  FROM orders_orderline line
  JOIN orders_returnline back ON back.line_id = line.id
  JOIN orders_return rma ON rma.id = back.rma_id
 WHERE rma.state NOT IN ('declined', 'closed', 'cancelled', 'expired')
   AND back.decision IN ('pending', 'needs_review')
 GROUP BY line.id
HAVING sum(back.quantity) > line.shipped - line.returned
