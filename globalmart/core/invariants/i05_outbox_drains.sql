-- I5 Every event gets out
-- No event is unpublished for more than five minutes, and no delivery of one is undone for more
-- than 15 minutes; one that was given up has an open alert.
SELECT 'event' AS subject, id::text AS subject_id, name, created_at
  FROM core_outboxevent
 WHERE published_at IS NULL AND created_at < now() - interval '300 seconds'
UNION ALL
SELECT 'delivery', delivery.id::text, delivery.consumer, event.published_at
  FROM core_delivery delivery
  JOIN core_outboxevent event ON event.id = delivery.event_id
 WHERE (delivery.state = 'pending' AND event.published_at < now() - interval '900 seconds')
    OR (delivery.state = 'dead' AND NOT EXISTS (
        SELECT 1 FROM core_alert alert
         WHERE alert.closed_at IS NULL
           AND alert.subject_type = 'delivery' AND alert.subject_id = delivery.id))
