-- I14 No request outlives its order
-- Of an order that was cancelled or has expired no request to a warehouse is live.
SELECT placed.id AS order_id, placed.number, placed.state, request.reference,
       request.state AS request_state
  FROM orders_order placed
  JOIN fulfillment_fulfillment request ON request.order_id = placed.id
 WHERE placed.state IN ('cancelled', 'expired')
   AND request.state NOT IN ('shipped', 'cancelled', 'incomplete')
