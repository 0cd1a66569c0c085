-- I16 Vouchers count their uses
-- A voucher counts the orders that keep it; an order keeps the one that it has a discount of, until
-- it ends with nothing sent. A draft takes none, nor does one that was given up.
SELECT 'count' AS finding, voucher.id AS subject_id, voucher.uses AS says, count(taken.id) AS is
  FROM orders_voucher voucher
  LEFT JOIN orders_voucheruse taken ON taken.voucher_id = voucher.id AND taken.released_at IS NULL
 GROUP BY voucher.id
HAVING voucher.uses <> count(taken.id)
 UNION ALL
SELECT 'order', placed.id, 1, 0
  FROM orders_orderdiscount discount
  JOIN orders_order placed ON placed.id = discount.order_id
  LEFT JOIN orders_voucheruse taken ON taken.order_id = placed.id
 WHERE discount.source = 'voucher'
   AND NOT EXISTS (SELECT 1 FROM orders_orderdraft draft
                    WHERE draft.order_id = placed.id AND draft.submitted_at IS NULL)
   AND (taken.id IS NULL
        OR (taken.released_at IS NULL) = (placed.state IN ('cancelled', 'expired')))
