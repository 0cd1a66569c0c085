-- I14 A completed order keeps no units
-- Nothing on a shelf is reserved for an order that is complete.
SELECT placed.id AS order_id, placed.number, reservation.sku, reservation.state,
       reservation.quantity - reservation.shipped AS units
  FROM orders_order placed
  JOIN fulfillment_reservation reservation ON reservation.order_id = placed.id
 WHERE placed.state = 'completed' AND reservation.state IN ('held', 'committed')
