-- I2 At most one live attempt per purpose
-- No order has two attempts that hold, may hold or have taken money for the same purpose.
SELECT order_id, purpose, count(*) AS live
  FROM payments_paymentattempt
 WHERE state IN ('created', 'processing', 'requires_action', 'unknown', 'authorized',
                 'partially_captured', 'captured')
 GROUP BY order_id, purpose
HAVING count(*) > 1
