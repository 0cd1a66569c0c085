-- I3 What shipped was reserved
-- The units in an order's parcels are the units that its reservations count as shipped.
WITH parcels AS (
    SELECT shipment.order_id, line.sku, sum(line.quantity) AS units
      FROM fulfillment_shipment shipment
      JOIN fulfillment_shipmentline line ON line.shipment_id = shipment.id
     GROUP BY shipment.order_id, line.sku
), reserved AS (
    SELECT order_id, sku, sum(shipped) AS units
      FROM fulfillment_reservation
     GROUP BY order_id, sku
)
SELECT coalesce(parcels.order_id, reserved.order_id) AS order_id,
       coalesce(parcels.sku, reserved.sku) AS sku, parcels.units AS in_parcels,
       reserved.units AS in_reservations
  FROM parcels
  FULL JOIN reserved ON reserved.order_id = parcels.order_id AND reserved.sku = parcels.sku
 WHERE coalesce(parcels.units, 0) <> coalesce(reserved.units, 0)
