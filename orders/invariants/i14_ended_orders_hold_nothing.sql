-- I14 An ended order holds no stock and no money
-- Five minutes after an order was cancelled or expired nothing is reserved for it, it waits for no
-- units, and no attempt of its holds money on a card that nobody is letting go: a cancel that is
-- under way has an age of its own (I5, I7).
SELECT placed.id AS order_id, placed.number, placed.state,
       (SELECT count(*) FROM fulfillment_reservation reservation
         WHERE reservation.order_id = placed.id
           AND reservation.state IN ('held', 'committed', 'backordered')) AS reservations,
       (SELECT count(*) FROM payments_paymentattempt attempt
         WHERE attempt.order_id = placed.id
           AND attempt.state IN ('authorized', 'partially_captured')
           AND NOT EXISTS (SELECT 1 FROM payments_paymentoperation cancel
                            WHERE cancel.attempt_id = attempt.id AND cancel.kind = 'cancel'
                              AND cancel.finished_at IS NULL)) AS holds
  FROM orders_order placed
 WHERE placed.state IN ('cancelled', 'expired')
   AND placed.state_changed_at < now() - interval '300 seconds'
   AND (EXISTS (SELECT 1 FROM fulfillment_reservation reservation
                 WHERE reservation.order_id = placed.id
                   AND reservation.state IN ('held', 'committed', 'backordered'))
        OR EXISTS (SELECT 1 FROM payments_paymentattempt attempt
                    WHERE attempt.order_id = placed.id
                      AND attempt.state IN ('authorized', 'partially_captured')
                      AND NOT EXISTS (SELECT 1 FROM payments_paymentoperation cancel
                                       WHERE cancel.attempt_id = attempt.id
                                         AND cancel.kind = 'cancel'
                                         AND cancel.finished_at IS NULL)))
