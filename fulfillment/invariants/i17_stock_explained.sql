-- I17 Every unit on hand is explained
-- `on_hand` of each SKU is the sum of its adjustments, each with actor and reason, less what shipped.
WITH adjusted AS (
    SELECT warehouse_id, sku, sum(delta) AS units
      FROM fulfillment_stockadjustment
     GROUP BY warehouse_id, sku
), shipped AS (
    SELECT warehouse_id, sku, sum(shipped) AS units
      FROM fulfillment_reservation
     GROUP BY warehouse_id, sku
)
SELECT stock.warehouse_id, stock.sku, stock.on_hand, coalesce(adjusted.units, 0) AS adjusted,
       coalesce(shipped.units, 0) AS shipped
  FROM fulfillment_stock stock
  LEFT JOIN adjusted ON adjusted.warehouse_id = stock.warehouse_id AND adjusted.sku = stock.sku
  LEFT JOIN shipped ON shipped.warehouse_id = stock.warehouse_id AND shipped.sku = stock.sku
 WHERE stock.on_hand <> coalesce(adjusted.units, 0) - coalesce(shipped.units, 0)
