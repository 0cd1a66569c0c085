-- I12 Every step of a warehouse request was allowed
-- Each step in the timeline is one of the state table.
WITH allowed (before, after) AS (
    VALUES ('planned', 'cancelled'), ('planned', 'on_hold'), ('planned', 'ready'),
           ('on_hold', 'cancelled'), ('on_hold', 'planned'), ('on_hold', 'ready'),
           ('ready', 'cancellation_requested'), ('ready', 'cancelled'), ('ready', 'on_hold'),
           ('ready', 'submitting'), ('submitting', 'accepted'),
           ('submitting', 'cancellation_requested'), ('submitting', 'cancelled'),
           ('submitting', 'in_progress'), ('submitting', 'incomplete'),
           ('submitting', 'partially_shipped'), ('submitting', 'ready'), ('submitting', 'rejected'),
           ('submitting', 'shipped'), ('submitting', 'submit_unknown'), ('submitting', 'submitted'),
           ('submit_unknown', 'accepted'), ('submit_unknown', 'cancellation_requested'),
           ('submit_unknown', 'cancelled'), ('submit_unknown', 'in_progress'),
           ('submit_unknown', 'incomplete'), ('submit_unknown', 'partially_shipped'),
           ('submit_unknown', 'ready'), ('submit_unknown', 'rejected'),
           ('submit_unknown', 'shipped'), ('submit_unknown', 'submitted'),
           ('submit_unknown', 'submitting'), ('submitted', 'accepted'),
           ('submitted', 'cancellation_requested'), ('submitted', 'cancelled'),
           ('submitted', 'in_progress'), ('submitted', 'incomplete'), ('submitted', 'partially_shipped'),
           ('submitted', 'shipped'), ('accepted', 'cancellation_requested'),
           ('accepted', 'cancelled'), ('accepted', 'in_progress'), ('accepted', 'incomplete'),
           ('accepted', 'partially_shipped'), ('accepted', 'shipped'),
           ('in_progress', 'cancellation_requested'), ('in_progress', 'cancelled'),
           ('in_progress', 'incomplete'),
           ('in_progress', 'partially_shipped'), ('in_progress', 'shipped'),
           ('partially_shipped', 'incomplete'), ('partially_shipped', 'shipped'),
           ('rejected', 'cancelled'), ('rejected', 'ready'), ('cancellation_requested', 'accepted'),
           ('cancellation_requested', 'cancelled'), ('cancellation_requested', 'in_progress'),
           ('cancellation_requested', 'incomplete'),
           ('cancellation_requested', 'partially_shipped'), ('cancellation_requested', 'ready'),
           ('cancellation_requested', 'shipped'), ('cancellation_requested', 'submitted')
)
SELECT entry.id AS entry_id, entry.subject_id AS order_id, entry.before, entry.after
  FROM core_timelineentry entry
 WHERE entry.subject_type = 'order'
   AND entry.kind = 'fulfillment.' || entry.after
   AND entry.before <> ''
   AND NOT EXISTS (
       SELECT 1 FROM allowed
        WHERE allowed.before = entry.before AND allowed.after = entry.after)
