-- I14 No request outlives its order
-- Of an order that was cancelled or expired no request to a warehouse is live, and a completed one
-- keeps no units on a shelf.
SELECT placed.id AS order_id, placed.number, placed.state,
       (SELECT count(*) FROM fulfillment_fulfillment request
         WHERE request.order_id = placed.id
           AND request.state NOT IN ('shipped', 'cancelled', 'incomplete')) AS requests,
       (SELECT count(*) FROM fulfillment_reservation reservation
         WHERE reservation.order_id = placed.id
           AND reservation.state IN ('held', 'committed')) AS reservations
  FROM orders_order placed
 WHERE (placed.state IN ('cancelled', 'expired')
        AND EXISTS (SELECT 1 FROM fulfillment_fulfillment request
                     WHERE request.order_id = placed.id
                       AND request.state NOT IN ('shipped', 'cancelled', 'incomplete')))
    OR (placed.state = 'completed'
        AND EXISTS (SELECT 1 FROM fulfillment_reservation reservation
                     WHERE reservation.order_id = placed.id
                       AND reservation.state IN ('held', 'committed')))
