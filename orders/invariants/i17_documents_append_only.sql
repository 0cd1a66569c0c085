-- I17 Documents cannot be rewritten
-- The triggers that refuse UPDATE and DELETE, and numbers out of turn, are there and enabled.
SELECT 'orders_document' AS table_name, 'trigger ' || wanted || ' is missing or disabled' AS problem
  FROM unnest(ARRAY['document_append_only', 'document_follows']) AS wanted
 WHERE NOT EXISTS (
       SELECT 1 FROM pg_trigger
        WHERE tgrelid = 'orders_document'::regclass AND tgname = wanted AND tgenabled <> 'D')
