-- I19 No session sits on locks
-- No session of this database is idle in a transaction for more than 10 seconds, or has waited
-- longer than 3 seconds for a lock, at the moment of the audit.
SELECT pid, usename, application_name, state, coalesce(wait_event, '') AS waits_for, state_change
  FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
   AND ((state LIKE 'idle in transaction%' AND state_change < clock_timestamp() - interval '10 seconds')
        OR (wait_event_type = 'Lock' AND query_start < clock_timestamp() - interval '3 seconds'))
