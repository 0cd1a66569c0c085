-- I10 Requests to the warehouse know whether their order is on hold
-- While a hold of an order is open each of its unfinished requests is held, and otherwise none is.
SELECT placed.number, request.reference, request.state, request.is_held
  FROM fulfillment_fulfillment request
  JOIN orders_order placed ON placed.id = request.order_id
 WHERE request.state NOT IN ('shipped', 'cancelled', 'incomplete')
   AND placed.state NOT IN ('completed', 'cancelled', 'expired')
   AND request.is_held <> EXISTS (
       SELECT 1 FROM orders_orderhold hold
        WHERE hold.order_id = placed.id AND hold.released_at IS NULL)
