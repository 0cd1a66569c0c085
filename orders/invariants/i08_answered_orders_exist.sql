-- I8 Every order that was answered exists
-- The order in every stored 2xx answer is there, with the total, currency and number it was told.
WITH answered AS (
    SELECT scope, key, subject_id, nullif(response_body, '')::jsonb AS body
      FROM core_idempotencykey
     WHERE response_status BETWEEN 200 AND 299
)
SELECT answered.scope, answered.key, answered.subject_id, answered.body ->> 'id' AS answered_id,
       answered.body ->> 'total_minor' AS answered_total_minor, placed.total_minor
  FROM answered
  LEFT JOIN orders_order placed ON placed.id = answered.subject_id
 WHERE placed.id IS NULL
    OR answered.body ->> 'id' <> placed.public_id
    OR answered.body ->> 'number' <> placed.number
    OR answered.body ->> 'currency' <> placed.currency
    OR (answered.body ->> 'total_minor')::bigint <> placed.total_minor
