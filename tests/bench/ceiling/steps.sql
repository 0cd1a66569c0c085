-- One order, one statement a step: three products of a thousand, always in the same order.
\set a random(1, 333)
\set b random(334, 666)
\set c random(667, 1000)
\set who random(1, 1000000000000)
BEGIN;
INSERT INTO ceiling.keys VALUES ('api:1', 'bench-' || :client_id || '-' || :who, md5(:who::text) || md5(:a::text), 201, repeat('answer ', 160));
INSERT INTO ceiling.orders (number, state, currency, subtotal_minor, shipping_minor, tax_minor, total_minor, email, name, address) VALUES ('GM-' || :client_id || '-' || :who, 'pending_payment', 'GBP', 3897, 495, 732, 4392, 'ada' || :who || '@example.com', 'Ada Lovelace', '{"name": "Ada Lovelace", "line1": "12 St James''s Square", "line2": "", "city": "London", "postal_code": "SW1Y 4JH", "country": "GB"}') RETURNING id AS order_id \gset
INSERT INTO ceiling.lines (order_id, sku, name, quantity, unit_price_minor, tax_minor, total_minor) VALUES (:order_id, 'SKU-0001', 'A mug with a blue rim', 1, 1299, 216, 1299), (:order_id, 'SKU-0400', 'A mug with a red rim', 1, 1299, 216, 1299), (:order_id, 'SKU-0700', 'A mug without a rim', 1, 1299, 216, 1299);
INSERT INTO ceiling.attempts (order_id, state, amount_minor, idempotency_key, due_at) VALUES (:order_id, 'created', 4392, 'create-' || :client_id || '-' || :who, now());
INSERT INTO ceiling.timeline (subject_id, kind, actor, data) VALUES (:order_id, 'order.placed', 'api:1', '{"lines": 3, "total_minor": 4392}');
INSERT INTO ceiling.outbox (name, subject_id, payload) VALUES ('order.placed', :order_id, '{}');
SELECT sku FROM ceiling.stock WHERE sku IN ('SKU-' || lpad(:a::text, 4, '0'), 'SKU-' || lpad(:b::text, 4, '0'), 'SKU-' || lpad(:c::text, 4, '0')) ORDER BY sku FOR NO KEY UPDATE;
UPDATE ceiling.stock SET reserved = reserved + 1 WHERE sku IN ('SKU-' || lpad(:a::text, 4, '0'), 'SKU-' || lpad(:b::text, 4, '0'), 'SKU-' || lpad(:c::text, 4, '0')) AND on_hand - reserved >= 1;
COMMIT;
