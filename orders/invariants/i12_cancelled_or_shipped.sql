-- I12 An order is cancelled or it shipped
-- The cancellation of a whole order was accepted only for one that is cancelled, and of a cancelled
-- order every unit counts as given up; of another order only what was missing, or was stopped in time,
-- or was cancelled by the unit, is given up.
SELECT placed.id AS order_id, placed.number, placed.state, 'accepted, not cancelled' AS problem
  FROM orders_ordercancellation wish
  JOIN orders_order placed ON placed.id = wish.order_id
 WHERE wish.state = 'accepted' AND wish.is_whole AND placed.state NOT IN ('cancelled', 'expired')
UNION ALL
SELECT placed.id, placed.number, placed.state, 'a unit of ' || line.sku || ' is not given up'
  FROM orders_order placed
  JOIN orders_orderline line ON line.order_id = placed.id
 WHERE placed.state = 'cancelled' AND line.cancelled <> line.quantity
UNION ALL
SELECT placed.id, placed.number, placed.state, 'a unit of ' || line.sku || ' is given up for nothing'
  FROM orders_order placed
  JOIN orders_orderline line ON line.order_id = placed.id
 WHERE placed.state NOT IN ('cancelled', 'expired')
   AND line.cancelled > 0
   AND NOT EXISTS (SELECT 1 FROM orders_ordershortage shortage
                    WHERE shortage.line_id = line.id AND shortage.state = 'cancelled')
   AND NOT EXISTS (SELECT 1 FROM orders_ordercancellation wish
                    WHERE wish.order_id = placed.id AND wish.state = 'rejected' AND wish.is_whole)
   AND NOT EXISTS (SELECT 1 FROM orders_cancellationline part
                    WHERE part.line_id = line.id AND part.given_up > 0)
