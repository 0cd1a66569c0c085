-- I3 Stock is never oversold
-- No SKU has less than nothing reserved, or more reserved than is on hand; and what left without
-- having been there is remembered only while nothing is there.
SELECT warehouse_id, sku, on_hand, reserved, overdrawn
  FROM fulfillment_stock
 WHERE reserved < 0 OR on_hand < reserved OR overdrawn < 0 OR overdrawn > 0 AND on_hand > 0
