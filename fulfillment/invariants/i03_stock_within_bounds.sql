-- I3 Stock is never oversold
-- No SKU has less than nothing reserved, or more reserved than is on hand.
SELECT warehouse_id, sku, on_hand, reserved
  FROM fulfillment_stock
 WHERE reserved < 0 OR on_hand < reserved
