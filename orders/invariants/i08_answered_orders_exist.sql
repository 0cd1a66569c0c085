-- I8 Every order that was answered exists
-- The order in every stored 2xx answer is there, with the total, currency and number it was told.
SELECT stored.scope, stored.key, stored.subject_id, nullif(stored.response_body, '')::jsonb ->> 'id' AS answered_id,
       nullif(stored.response_body, '')::jsonb ->> 'total_minor' AS answered_total_minor, placed.total_minor
  FROM core_idempotencykey stored
  LEFT JOIN orders_order placed ON placed.id = stored.subject_id
 WHERE stored.response_status BETWEEN 200 AND 299
   AND (placed.id IS NULL
        OR nullif(stored.response_body, '')::jsonb ->> 'id' <> placed.public_id
        OR nullif(stored.response_body, '')::jsonb ->> 'number' <> placed.number
        OR nullif(stored.response_body, '')::jsonb ->> 'currency' <> placed.currency
        OR (nullif(stored.response_body, '')::jsonb ->> 'total_minor')::bigint <> placed.total_minor)
