-- I10 Order lines count what the parcels hold
-- Of a completed order every line is shipped or cancelled, and `shipped` is what its parcels hold.
SELECT placed.id AS order_id, line.sku, line.quantity, line.shipped, line.cancelled,
       coalesce(sum(parcel.quantity), 0) AS in_parcels
  FROM orders_order placed
  JOIN orders_orderline line ON line.order_id = placed.id
  LEFT JOIN fulfillment_shipment shipment ON shipment.order_id = placed.id
  LEFT JOIN fulfillment_shipmentline parcel
         ON parcel.shipment_id = shipment.id AND parcel.sku = line.sku
 WHERE placed.state = 'completed'
 GROUP BY placed.id, line.id
HAVING line.shipped + line.cancelled <> line.quantity
    OR line.shipped <> coalesce(sum(parcel.quantity), 0)
