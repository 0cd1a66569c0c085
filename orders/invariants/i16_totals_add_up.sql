-- I16 Totals are their parts
-- Recomputed from the lines: subtotal, discount, tax, total and currency of every order agree with
-- its lines, its shipping and its account.
SELECT placed.id AS order_id, placed.number, placed.subtotal_minor, placed.total_minor,
       sum(line.total_minor) AS lines_minor, placed.currency, account.currency AS account_currency
  FROM orders_order placed
  JOIN orders_orderline line ON line.order_id = placed.id
  LEFT JOIN payments_orderaccount account ON account.order_id = placed.id
 GROUP BY placed.id, account.id
HAVING sum(line.quantity * line.unit_price_minor) <> placed.subtotal_minor
    OR sum(line.discount_minor) + placed.shipping_discount_minor <> placed.discount_minor
    OR sum(line.tax_minor) + placed.shipping_tax_minor <> placed.tax_minor
    OR bool_or(line.tax_added_minor <> CASE WHEN placed.tax_added_minor = 0 THEN 0 ELSE line.tax_minor END)
    OR placed.total_minor
       <> placed.subtotal_minor + placed.shipping_minor - placed.discount_minor
          + placed.tax_added_minor
    OR bool_or(line.total_minor <> line.quantity * line.unit_price_minor - line.discount_minor
                                   + line.tax_added_minor)
    OR account.currency <> placed.currency
