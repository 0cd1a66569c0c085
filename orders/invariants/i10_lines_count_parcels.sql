-- I10 Order lines count what the parcels hold
-- Of a completed order every line is shipped or cancelled, `shipped` is what its parcels hold of it
-- and of what was sent instead, and nobody is still asked, or waits, for missing goods.
WITH held AS (
    SELECT shipment.order_id, parcel.sku, sum(parcel.quantity) AS units
      FROM fulfillment_shipment shipment
      JOIN fulfillment_shipmentline parcel ON parcel.shipment_id = shipment.id
     GROUP BY shipment.order_id, parcel.sku
), instead AS (
    SELECT shortage.line_id, sum(least(shortage.quantity, held.units)) AS units
      FROM orders_ordershortage shortage
      JOIN orders_orderline line ON line.id = shortage.line_id
      JOIN held ON held.order_id = line.order_id AND held.sku = shortage.substitute_sku
     WHERE shortage.state = 'substituted'
     GROUP BY shortage.line_id
)
SELECT placed.id AS order_id, line.sku, line.quantity, line.shipped, line.cancelled,
       coalesce(held.units, 0) AS in_parcels, coalesce(instead.units, 0) AS sent_instead
  FROM orders_order placed
  JOIN orders_orderline line ON line.order_id = placed.id
  LEFT JOIN held ON held.order_id = placed.id AND held.sku = line.sku
  LEFT JOIN instead ON instead.line_id = line.id
 WHERE placed.state = 'completed'
   AND (line.shipped + line.cancelled <> line.quantity
        OR line.shipped <> coalesce(held.units, 0) + coalesce(instead.units, 0)
        OR EXISTS (SELECT 1 FROM orders_ordershortage shortage
                    WHERE shortage.line_id = line.id AND shortage.state IN ('open', 'waiting')))
