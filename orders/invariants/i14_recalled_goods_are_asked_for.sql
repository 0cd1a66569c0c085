-- I14 What came back for a change goes again
-- Units of a live order whose request was taken back are asked for by another request, as soon as no
-- change of the order is open any more.
WITH asked AS (
    SELECT request.order_id, request.warehouse_id, line.sku, sum(line.quantity - line.short) AS units
      FROM fulfillment_fulfillment request
      JOIN fulfillment_fulfillmentline line ON line.fulfillment_id = request.id
     WHERE request.state <> 'cancelled'
     GROUP BY request.order_id, request.warehouse_id, line.sku
)
SELECT placed.id AS order_id, placed.number, kept.sku, kept.quantity, coalesce(asked.units, 0) AS asked
  FROM orders_order placed
  JOIN fulfillment_reservation kept
    ON kept.order_id = placed.id AND kept.state IN ('held', 'committed')
  LEFT JOIN asked ON asked.order_id = placed.id AND asked.warehouse_id = kept.warehouse_id
                 AND asked.sku = kept.sku
 WHERE placed.state IN ('confirmed', 'in_fulfillment')
   AND kept.quantity > coalesce(asked.units, 0)
   AND EXISTS (SELECT 1 FROM fulfillment_fulfillment request
                 JOIN fulfillment_fulfillmentline line ON line.fulfillment_id = request.id
                WHERE request.order_id = placed.id AND request.warehouse_id = kept.warehouse_id
                  AND line.sku = kept.sku AND request.state = 'cancelled' AND request.keeps_units
                  AND request.state_changed_at < now() - interval '300 seconds')
   AND NOT EXISTS (SELECT 1 FROM orders_ordercancellation wish
                    WHERE wish.order_id = placed.id AND wish.state = 'requested')
   AND NOT EXISTS (SELECT 1 FROM orders_ordercorrection wish
                    WHERE wish.order_id = placed.id AND wish.state = 'requested')
