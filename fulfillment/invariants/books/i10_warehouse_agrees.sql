-- I10 The warehouse's book and ours agree
-- Every order at the warehouse is one request of ours, every request that it accepted is there, and
-- what it shipped is what we recorded, parcel by parcel. The last minute is left out.
WITH shipped AS (
    SELECT shipment_id, sku, sum(quantity)::bigint AS quantity FROM book_warehouse_shipments
     GROUP BY shipment_id, sku
), recorded AS (
    SELECT shipment.wms_shipment_id AS shipment_id, line.sku, line.quantity
      FROM fulfillment_shipment shipment
      JOIN fulfillment_shipmentline line ON line.shipment_id = shipment.id
)
SELECT 'order unknown to us' AS problem, book.reference, '' AS sku, book.submissions AS found
  FROM book_warehouse_orders book
 WHERE NOT EXISTS (
       SELECT 1 FROM fulfillment_fulfillment ours WHERE ours.reference = book.reference)
UNION ALL
SELECT 'order twice', reference, '', count(*)
  FROM book_warehouse_orders
 GROUP BY reference
HAVING count(*) > 1
UNION ALL
SELECT 'request unknown to the warehouse', ours.reference, '', 0
  FROM fulfillment_fulfillment ours
 WHERE ours.state IN ('accepted', 'in_progress', 'partially_shipped', 'shipped')
   AND NOT EXISTS (
       SELECT 1 FROM book_warehouse_orders book WHERE book.reference = ours.reference)
UNION ALL
SELECT 'parcel differs', coalesce(shipped.shipment_id, recorded.shipment_id),
       coalesce(shipped.sku, recorded.sku), coalesce(shipped.quantity, 0)
  FROM shipped
  FULL JOIN recorded ON recorded.shipment_id = shipped.shipment_id AND recorded.sku = shipped.sku
 WHERE (recorded.quantity IS NULL OR shipped.quantity IS NULL
        OR recorded.quantity <> shipped.quantity)
   AND NOT EXISTS (
       SELECT 1
         FROM book_warehouse_shipments book
         JOIN fulfillment_fulfillment ours ON ours.reference = book.reference
        WHERE book.shipment_id = shipped.shipment_id
          AND ours.state IN ('submitting', 'submit_unknown', 'submitted', 'accepted',
                             'in_progress', 'partially_shipped')
          AND ours.state_changed_at >= now() - interval '60 seconds')
