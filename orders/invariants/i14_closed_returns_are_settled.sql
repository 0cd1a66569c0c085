-- I14 A closed return leaves nothing open
-- All of its units are decided, and the money for what was accepted was asked for or given up.
SELECT rma.order_id, rma.number, back.id AS return_line_id, back.decision, back.is_settled
  FROM orders_return rma
  JOIN orders_returnline back ON back.rma_id = rma.id
 WHERE rma.state = 'closed'
   AND (back.decision IN ('pending', 'needs_review')
        OR (back.decision = 'accepted' AND NOT back.is_settled))
