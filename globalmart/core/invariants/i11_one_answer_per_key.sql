-- I11 One effect per idempotency key
-- A key has one row, a row has an answer, and no effect was answered under two keys of a scope.
SELECT scope, key, count(*) AS found, 'key stored twice' AS problem
  FROM core_idempotencykey
 GROUP BY scope, key
HAVING count(*) > 1
UNION ALL
SELECT scope, key, 0, 'key without an answer'
  FROM core_idempotencykey
 WHERE response_status IS NULL OR subject_id IS NULL
UNION ALL
SELECT scope, min(key), count(*), 'one order under several keys'
  FROM core_idempotencykey
 WHERE subject_id IS NOT NULL
 GROUP BY scope, subject_id
HAVING count(*) > 1
