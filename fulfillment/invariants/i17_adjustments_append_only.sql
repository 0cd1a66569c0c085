-- I17 The record of stock changes cannot be rewritten
-- The trigger that refuses UPDATE and DELETE is there and enabled.
SELECT 'fulfillment_stockadjustment' AS table_name, 'trigger adjustment_append_only is missing or disabled' AS problem
 WHERE NOT EXISTS (
       SELECT 1 FROM pg_trigger
        WHERE tgrelid = 'fulfillment_stockadjustment'::regclass AND tgname = 'adjustment_append_only' AND tgenabled <> 'D')
