-- I17 No count is replaced by an older one
-- The trigger that refuses it is there and enabled.
SELECT 'fulfillment_stock' AS table_name, 'trigger count_goes_on is missing or disabled' AS problem
 WHERE NOT EXISTS (
       SELECT 1 FROM pg_trigger
        WHERE tgrelid = 'fulfillment_stock'::regclass AND tgname = 'count_goes_on' AND tgenabled <> 'D')
