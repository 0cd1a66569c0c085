-- I13 One message per event and recipient
-- Nobody has two rows for the same event on the same channel, and one event is never told as two
-- kinds of message to the same recipient.
SELECT event_id, recipient, channel, count(*) AS messages
  FROM notifications_message
 GROUP BY event_id, recipient, channel
HAVING count(*) > 1
