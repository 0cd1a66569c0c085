-- I20 Documents are numbered without gaps
-- Of every series the first number is 1, the last is the counter's, and none between is missing.
SELECT series.id AS series_id, series.kind, series.year, series.last_number,
       count(written.id) AS documents, min(written.sequence) AS first, max(written.sequence) AS last
  FROM orders_documentseries series
  LEFT JOIN orders_document written ON written.series_id = series.id
 GROUP BY series.id
HAVING count(written.id) <> series.last_number
    OR coalesce(min(written.sequence), 1) <> 1
    OR coalesce(max(written.sequence), 0) <> series.last_number
