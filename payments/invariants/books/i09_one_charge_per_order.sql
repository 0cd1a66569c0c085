-- I9 At Stripe, one charge per order
-- No order has two intents at Stripe that hold or took money.
SELECT order_id, count(*) AS intents, sum(captured_minor) AS captured_minor
  FROM book_stripe_intents
 WHERE status IN ('requires_capture', 'succeeded') AND order_id IS NOT NULL
 GROUP BY order_id
HAVING count(*) > 1
