-- I10 No request left while its order was on hold
-- No request was sent to the warehouse for the first time between a hold's placing and its release.
-- A minute after the placing (who places waits for locks) and five seconds before the release
-- (clocks of two machines) are not looked at.
SELECT placed.number, hold.kind, hold.placed_at, hold.released_at, request.reference,
       request.first_sent_at
  FROM orders_orderhold hold
  JOIN orders_order placed ON placed.id = hold.order_id
  JOIN fulfillment_fulfillment request ON request.order_id = hold.order_id
 WHERE request.first_sent_at > hold.placed_at + interval '60 seconds'
   AND (hold.released_at IS NULL
        OR request.first_sent_at < hold.released_at - interval '5 seconds')
