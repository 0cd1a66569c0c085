-- I5 No message is overdue
-- What is due is tried within 15 minutes, and in vain only while its alert is open.
SELECT message.id AS message_id, message.kind, message.due_at, message.last_error
  FROM notifications_message message
 WHERE message.due_at < now() - interval '900 seconds'
   AND NOT EXISTS (
       SELECT 1 FROM core_alert alert
        WHERE alert.closed_at IS NULL
          AND alert.subject_type = 'order' AND alert.subject_id = message.order_id)
