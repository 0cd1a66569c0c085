-- I10 Lines of an ended order are not allocated
-- No unit of an order that is completed, cancelled or expired counts as allocated on its line.
SELECT placed.id AS order_id, placed.number, placed.state, line.sku, line.allocated
  FROM orders_order placed
  JOIN orders_orderline line ON line.order_id = placed.id
 WHERE placed.state IN ('completed', 'cancelled', 'expired') AND line.allocated > 0
