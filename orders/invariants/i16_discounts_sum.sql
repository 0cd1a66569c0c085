-- I16 Discounts are what they sum to
-- The discounts by name sum to what the order was discounted by, and those on shipping to what its
-- shipping was.
SELECT placed.id AS order_id, placed.number, placed.discount_minor, placed.shipping_discount_minor,
       coalesce(sum(discount.amount_minor), 0) AS named_minor
  FROM orders_order placed
  LEFT JOIN orders_orderdiscount discount ON discount.order_id = placed.id
 WHERE placed.discount_minor <> 0 OR discount.id IS NOT NULL
 GROUP BY placed.id
HAVING coalesce(sum(discount.amount_minor), 0) <> placed.discount_minor
    OR coalesce(sum(discount.amount_minor) FILTER (WHERE discount.on_shipping), 0)
       <> placed.shipping_discount_minor
