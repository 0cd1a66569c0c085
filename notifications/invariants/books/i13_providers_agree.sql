-- I13 Nobody is told twice
-- The providers got every mail that we count as accepted, at most two of the same for one event and
-- recipient, and doubles of fewer than one mail in a thousand.
WITH told AS (
    SELECT event_id, recipient, kind, count(*) AS copies
      FROM book_messages
     WHERE event_id IS NOT NULL
     GROUP BY event_id, recipient, kind
)
SELECT 'told more than twice' AS problem, event_id, kind, copies
  FROM told
 WHERE copies > 2
UNION ALL
SELECT 'too many doubles', NULL, NULL, count(*) FILTER (WHERE copies > 1)
  FROM told
HAVING count(*) FILTER (WHERE copies > 1) * 1000 > count(*)
UNION ALL
SELECT 'accepted, but not in the book', message.event_id::text, message.kind, 0
  FROM notifications_message message
 WHERE message.channel = 'email' AND message.state IN ('accepted', 'delivered')
   AND NOT EXISTS (
       SELECT 1 FROM book_messages book
        WHERE book.event_id = message.event_id::text AND book.recipient = message.recipient)
