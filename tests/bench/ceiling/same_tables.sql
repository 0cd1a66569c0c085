-- The rows of one order in the shop's own tables, with all of their keys, checks and indexes, one
-- statement a step: three products of a thousand, always in the same order.
\set a random(1, 333)
\set b random(334, 666)
\set c random(667, 1000)
\set who random(1, 1000000000000)
BEGIN;
INSERT INTO core_idempotencykey (scope, key, request_hash, response_status, response_body, subject_id) VALUES ('api:1', 'bench-' || :client_id || '-' || :who, md5(:who::text) || md5(:a::text), 201, repeat('answer ', 160), 1);
INSERT INTO orders_order (public_id, number, state, version, is_live, currency, subtotal_minor, shipping_minor, discount_minor, tax_minor, total_minor, email, name, phone, wants_sms, shipping_address, shipping_method, metadata, link_version, payment_timing, payment_due_at) VALUES ('ord_bench' || :client_id || '-' || :who, 'GM' || :client_id || '-' || :who, 'pending_payment', 1, false, 'GBP', 3897, 495, 0, 732, 4392, 'ada' || :who || '@example.com', 'Ada Lovelace', '', false, '{"name": "Ada Lovelace", "line1": "12 St James''s Square", "line2": "", "city": "London", "postal_code": "SW1Y 4JH", "country": "GB"}', 'standard', '{}', 1, 'at_shipment', now() + interval '30 minutes') RETURNING id AS order_id \gset
INSERT INTO orders_orderline (public_id, order_id, position, product_id, sku, name, quantity, unit_price_minor, discount_minor, tax_class, tax_rate_bp, tax_minor, total_minor, allocated, shipped, cancelled) VALUES ('lin_a' || :client_id || '-' || :who, :order_id, 1, :first_product::int8 + :a::int8 - 1, (10000 + :a)::text, 'MEASURED MUG', 1, 1299, 0, 'standard', 2000, 216, 1299, 1, 0, 0), ('lin_b' || :client_id || '-' || :who, :order_id, 2, :first_product::int8 + :b::int8 - 1, (10000 + :b)::text, 'MEASURED MUG', 1, 1299, 0, 'standard', 2000, 216, 1299, 1, 0, 0), ('lin_c' || :client_id || '-' || :who, :order_id, 3, :first_product::int8 + :c::int8 - 1, (10000 + :c)::text, 'MEASURED MUG', 1, 1299, 0, 'standard', 2000, 216, 1299, 1, 0, 0);
INSERT INTO payments_paymentattempt (uuid, order_id, purpose, number, mode, state, currency, amount_minor, authorized_minor, captured_minor, refunded_minor, refund_reserved_minor, capture_target_minor, is_multicapture, payment_method, decline_code, declines, last_decline_id, checks) VALUES (gen_random_uuid(), :order_id, 'order', 1, 'browser', 'created', 'GBP', 4392, 0, 0, 0, 0, 0, false, '', '', 0, '', 0);
INSERT INTO core_timelineentry (subject_type, subject_id, kind, before, after, actor, reason, data, correlation_id) VALUES ('order', :order_id, 'order.placed', '', 'pending_payment', 'api:1', '', '{"lines": 3, "total_minor": 4392}', md5(:who::text));
INSERT INTO core_outboxevent (id, name, subject_type, subject_id, payload, correlation_id) VALUES (gen_random_uuid(), 'order.placed', 'order', :order_id, '{}', md5(:who::text));
SELECT sku FROM fulfillment_stock WHERE sku IN ((10000 + :a)::text, (10000 + :b)::text, (10000 + :c)::text) ORDER BY id FOR NO KEY UPDATE;
UPDATE fulfillment_stock SET reserved = reserved + 1 WHERE sku IN ((10000 + :a)::text, (10000 + :b)::text, (10000 + :c)::text) AND on_hand - reserved >= 1;
COMMIT;
