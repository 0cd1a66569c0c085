-- I15 No card number in messages
-- No run of 13 to 19 digits, plain or in groups of four, passes the card networks' check digit.
WITH content AS (
    SELECT 'notifications_message' AS table_name, id::text AS row_id, (to_jsonb(notifications_message) - 'recipient' - 'provider_id')::text AS content FROM notifications_message
), run AS (
    SELECT content.table_name, content.row_id, translate(found[1], ' -', '') AS digits
      FROM content,
           regexp_matches(content.content,
               '\m(\d{13,19}|\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{1,7})\M', 'g') AS found
     -- Cheaper to see, and so seen first: without such a run there is no card number.
     WHERE content.content ~ '\d{4}[ -]?\d{4}[ -]?\d{4}'
)
SELECT table_name, row_id, left(digits, 6) || '...' || right(digits, 4) AS masked
  FROM run
 WHERE (SELECT sum(CASE WHEN (length(digits) - place) % 2 = 0 THEN digit
                        ELSE digit * 2 - 9 * (digit >= 5)::int END)
          FROM (SELECT place, substr(digits, place, 1)::int AS digit
                  FROM generate_series(1, length(digits)) AS place) AS each) % 10 = 0
