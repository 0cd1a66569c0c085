-- I8 Every order is whole
-- An order that was placed has lines, an order account over its total, an attempt, and reserved stock for its lines.
-- Less than the total is due only for cancelled units, and no more less than they cost.
-- One that is paid for by invitation needs an attempt only once it is confirmed. What was given back
-- may have been taken again in another warehouse, never more than the line; what was cancelled by the
-- unit is not reserved any more.
SELECT placed.id AS order_id, placed.number, placed.total_minor, account.due_minor,
       (SELECT count(*) FROM orders_orderline line WHERE line.order_id = placed.id) AS lines
  FROM orders_order placed
  LEFT JOIN payments_orderaccount account ON account.order_id = placed.id
 WHERE placed.state <> 'draft'
   AND NOT EXISTS (SELECT 1 FROM orders_orderdraft draft
                    WHERE draft.order_id = placed.id AND draft.submitted_at IS NULL)
   AND (account.id IS NULL
        OR account.due_minor > placed.total_minor
        OR account.due_minor < placed.total_minor - (
            SELECT sum(CASE WHEN line.cancelled = line.quantity THEN line.total_minor
                            ELSE line.total_minor / line.quantity * line.cancelled
                                 + least(line.total_minor % line.quantity, line.cancelled) END)
              FROM orders_orderline line WHERE line.order_id = placed.id)
        OR NOT EXISTS (SELECT 1 FROM orders_orderline line WHERE line.order_id = placed.id)
        OR NOT (placed.payment_timing = 'by_invitation'
                AND placed.state IN ('pending_payment', 'cancelled', 'expired'))
           AND NOT EXISTS (SELECT 1 FROM payments_paymentattempt attempt
                            WHERE attempt.order_id = placed.id)
        OR EXISTS (
            SELECT 1 FROM orders_orderline line
             WHERE line.order_id = placed.id
               AND line.quantity NOT BETWEEN coalesce((
                   SELECT sum(CASE WHEN reservation.state = 'released' THEN reservation.shipped
                                   ELSE reservation.quantity END)
                     FROM fulfillment_reservation reservation
                    WHERE reservation.order_id = placed.id AND reservation.sku = line.sku), 0)
                   AND coalesce((
                   SELECT sum(reservation.quantity) FROM fulfillment_reservation reservation
                    WHERE reservation.order_id = placed.id AND reservation.sku = line.sku), 0)
                   + coalesce((
                   SELECT sum(part.given_up) FROM orders_cancellationline part
                    WHERE part.line_id = line.id), 0)))
