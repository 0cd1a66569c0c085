-- I6 Every consumer hears of an event once
-- There is one delivery per event and consumer.
SELECT event_id, consumer, count(*) AS deliveries
  FROM core_delivery
 GROUP BY event_id, consumer
HAVING count(*) > 1
