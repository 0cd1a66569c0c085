-- I17 The timeline cannot be rewritten
-- The trigger that refuses UPDATE and DELETE is there and enabled.
SELECT 'core_timelineentry' AS table_name, 'trigger timeline_append_only is missing or disabled' AS problem
 WHERE NOT EXISTS (
       SELECT 1 FROM pg_trigger
        WHERE tgrelid = 'core_timelineentry'::regclass AND tgname = 'timeline_append_only' AND tgenabled <> 'D')
