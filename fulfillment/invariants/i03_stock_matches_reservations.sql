-- I3 Stock is what reservations say
-- `reserved` of each SKU is what its held and committed reservations have not shipped yet; what is
-- back-ordered is not there, and not counted.
WITH open AS (
    SELECT warehouse_id, sku, sum(quantity - shipped) AS units
      FROM fulfillment_reservation
     WHERE state IN ('held', 'committed')
     GROUP BY warehouse_id, sku
)
SELECT coalesce(stock.warehouse_id, open.warehouse_id) AS warehouse_id,
       coalesce(stock.sku, open.sku) AS sku, stock.reserved, open.units AS reservations
  FROM fulfillment_stock stock
  FULL JOIN open ON open.warehouse_id = stock.warehouse_id AND open.sku = stock.sku
 WHERE coalesce(stock.reserved, 0) <> coalesce(open.units, 0)
