-- I10 What shipped was ordered, and is paid
-- Nothing shipped for an order that ended without payment, and what shipped more than 15 minutes
-- ago is captured or has an open alert.
SELECT placed.id AS order_id, placed.number, placed.state, account.captured_minor,
       min(shipment.created_at) AS shipped_at
  FROM fulfillment_shipment shipment
  JOIN orders_order placed ON placed.id = shipment.order_id
  LEFT JOIN payments_orderaccount account ON account.order_id = placed.id
 GROUP BY placed.id, account.id
HAVING placed.state IN ('draft', 'pending_payment', 'cancelled', 'expired')
    OR (coalesce(account.captured_minor, 0) = 0
        AND min(shipment.created_at) < now() - interval '900 seconds'
        AND NOT EXISTS (
            SELECT 1 FROM core_alert alert
             WHERE alert.closed_at IS NULL
               AND alert.subject_type = 'order' AND alert.subject_id = placed.id))
