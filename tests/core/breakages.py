# ruff: noqa: S608 - these queries are made of this file's own words
"""How each invariant is broken: SQL against the world of test_audit (one order of two mugs).

Where a constraint or a trigger forbids it, the statement takes that away first; the test's
transaction is rolled back.
"""

from dataclasses import dataclass

DAY = "interval '40 days'"
FREE_TIMELINE = "ALTER TABLE core_timelineentry DISABLE TRIGGER timeline_append_only;"
FREE_LEDGER = "ALTER TABLE payments_ledgerentry DISABLE TRIGGER ledger_append_only;"
# Valid by the check digit, and published for tests.
CARD = "4242424242424242"
PARCEL = """
INSERT INTO fulfillment_shipment (public_id, order_id, fulfillment_id, warehouse_id,
    wms_shipment_id, state, carrier, tracking_number, tracking_url, shipped_at, created_at)
SELECT 'shp_1', order_id, id, warehouse_id, 'S-1', 'in_transit', '', '', '', now(),
       now() - interval '1 day'
  FROM fulfillment_fulfillment;
INSERT INTO fulfillment_shipmentline (shipment_id, sku, quantity)
SELECT id, 'MUG', 2 FROM fulfillment_shipment;
"""
MESSAGE = """
INSERT INTO notifications_message (event_id, order_id, kind, channel, recipient, state, data,
    provider_id, tries, last_error, due_at, created_at, state_changed_at)
SELECT '00000000-0000-7000-8000-000000000001', id, 'order_confirmed', 'email', 'ada@example.com',
       'queued', '{}', '', 0, '', now() - interval '1 day', now(), now() - interval '1 day'
  FROM orders_order;
"""
REFUND = """
WITH refund AS (
    INSERT INTO payments_refund (uuid, order_id, attempt_id, currency, amount_minor, state, reason,
        note, requested_by, approved_by, needs_second_person, failure_code, checks, created_at,
        state_changed_at)
    SELECT gen_random_uuid(), order_id, id, currency, 500, 'requested', 'goodwill', '', 'staff:1',
           '', false, '', 0, now(), now()
      FROM payments_paymentattempt
    RETURNING id, amount_minor)
INSERT INTO payments_refunditem (refund_id, kind, quantity, amount_minor)
SELECT id, 'amount', 0, amount_minor FROM refund;
"""

DISPUTE = """
INSERT INTO payments_dispute (stripe_id, order_id, attempt_id, currency, amount_minor, state,
    reason, opened_at, state_changed_at)
SELECT 'dp_ada', order_id, id, currency, amount_minor, 'needs_response', 'fraudulent', now(), now()
  FROM payments_paymentattempt;
"""
HOLD = """
INSERT INTO orders_orderhold (order_id, kind, reason, placed_by, placed_at, released_by,
    release_reason)
SELECT id, 'manual', 'looks odd', 'staff:1', now() - interval '1 hour', '', ''
  FROM orders_order;
"""


def rma(state: str, decision: str = "pending", disposition: str = "") -> str:
    """A return of one unit of the order's line, that has come."""
    return f"""
INSERT INTO orders_return (order_id, number, uuid, kind, state, version, reason, method, note,
    decline_reason, requested_by, requested_at, goods_due_at, state_changed_at)
SELECT id, 'RMA-1', gen_random_uuid(), 'return', '{state}', 1, '', 'own', '', '', 'customer',
       now(), now(), now() - {DAY} - {DAY}
  FROM orders_order;
INSERT INTO orders_returnline (rma_id, line_id, quantity, reason, reception, decision, disposition,
    is_settled)
SELECT rma.id, line.id, 1, '', 'received', '{decision}', '{disposition}', false
  FROM orders_return rma, orders_orderline line;
"""


def step(kind: str, before: str, after: str) -> str:
    """A timeline entry about the order."""
    return f"""
INSERT INTO core_timelineentry (subject_type, subject_id, kind, before, after, actor, reason, data,
    correlation_id, created_at)
SELECT 'order', id, '{kind}', '{before}', '{after}', 'test', '', '{{}}', '', now()
  FROM orders_order;
"""


# A captured payment that Stripe's balance has and the ledger has not, hours ago.
BALANCE = f"""
INSERT INTO payments_cursor (name, read_until) VALUES ('stripe.balance', now());
INSERT INTO payments_balancetransaction (stripe_id, type, source, amount_minor, fee_minor,
    net_minor, currency, created, payout_id, read_at)
VALUES ('txn_1', 'charge', 'pi_nobody', 100, 3, 97, 'GBP', now() - {DAY}, '', now());
"""

# An invoice over one unit that nothing was captured for.
DOCUMENT = """
INSERT INTO orders_legalentity (code, name, address, country, tax_number, email, countries,
    invoice_prefix, credit_note_prefix, reversal_prefix, is_default)
VALUES ('main', 'GlobalMart', '', 'GB', '', '', '[]', 'INV-', 'CN-', 'CR-', true);
INSERT INTO orders_documentseries (entity_id, kind, year, last_number)
SELECT id, 'invoice', 2026, 1 FROM orders_legalentity;
INSERT INTO orders_document (series_id, kind, sequence, number, order_id, source, currency,
    net_minor, tax_minor, gross_minor, content, sha256, issued_at)
SELECT series.id, 'invoice', 1, 'INV-2026-000001', placed.id, 'capture:1', 'GBP', 1, 0, 1,
       '{"lines": [], "taxes": []}', '', now()
  FROM orders_documentseries series, orders_order placed;
"""


BREAKAGES = {
    "core/i05_outbox_drains.sql": f"UPDATE core_outboxevent SET created_at = now() - {DAY}",
    "core/i06_feed_without_gaps.sql": """
        UPDATE core_outboxevent SET published_at = now(), position = 2
         WHERE id = (SELECT id FROM core_outboxevent LIMIT 1)""",
    "core/i06_one_delivery_per_consumer.sql": """
        ALTER TABLE core_delivery DROP CONSTRAINT one_delivery_per_consumer;
        INSERT INTO core_delivery (event_id, consumer, queue, state, tries, last_error)
        SELECT id, 'twice', 'default', 'done', 0, '' FROM core_outboxevent,
               generate_series(1, 2)""",
    "core/i11_one_answer_per_key.sql": "UPDATE core_idempotencykey SET response_status = NULL",
    "core/i15_no_card_numbers.sql": FREE_TIMELINE
    + f"UPDATE core_timelineentry SET reason = 'paid by {CARD}'",
    "core/i17_timeline_append_only.sql": FREE_TIMELINE,
    # A session that waits cannot be made within a test's patience: the server is made to show one.
    "core/i19_no_session_waits.sql": """
        CREATE TEMP VIEW pg_stat_activity AS
        SELECT 1 AS pid, 'oms' AS usename, 'web' AS application_name, current_database() AS datname,
               'idle in transaction' AS state, NULL::text AS wait_event,
               NULL::text AS wait_event_type, now() - interval '11 seconds' AS state_change,
               now() AS query_start;
        SET LOCAL search_path = pg_temp, public, pg_catalog""",
    "fulfillment/i03_stock_matches_reservations.sql": "UPDATE fulfillment_stock SET reserved = 1",
    "fulfillment/i03_stock_within_bounds.sql": """
        ALTER TABLE fulfillment_stock DROP CONSTRAINT stock_never_oversold;
        UPDATE fulfillment_stock SET on_hand = 1""",
    "fulfillment/i03_shipments_match_reservations.sql": PARCEL,
    "fulfillment/i05_no_overdue_requests.sql": f"""
        UPDATE fulfillment_fulfillment SET due_at = now() - {DAY}""",
    "fulfillment/i07_fulfillments_within_age.sql": f"""
        UPDATE fulfillment_fulfillment SET state_changed_at = now() - {DAY}""",
    "fulfillment/i07_backorders_within_age.sql": f"""
        UPDATE fulfillment_reservation
           SET state = 'backordered', backordered_at = now() - {DAY}""",
    "fulfillment/i12_fulfillment_steps_allowed.sql": step("fulfillment.ready", "shipped", "ready"),
    "fulfillment/i15_no_card_numbers.sql": """
        UPDATE fulfillment_fulfillment
           SET ship_to = jsonb_set(ship_to, '{line2}', '"4242 4242 4242 4242"')""",
    "fulfillment/i17_adjustments_append_only.sql": """
        DROP TRIGGER adjustment_append_only ON fulfillment_stockadjustment""",
    "fulfillment/i17_counts_go_on.sql": "DROP TRIGGER count_goes_on ON fulfillment_stock",
    "fulfillment/i17_stock_explained.sql": "UPDATE fulfillment_stock SET on_hand = on_hand + 1",
    "notifications/i05_no_overdue_messages.sql": MESSAGE,
    "notifications/i07_messages_within_age.sql": MESSAGE,
    "notifications/i13_one_message_per_event.sql": f"""
        ALTER TABLE notifications_message DROP CONSTRAINT one_message_per_event;
        {MESSAGE} {MESSAGE}""",
    "notifications/i15_no_card_numbers.sql": MESSAGE
    + f"UPDATE notifications_message SET last_error = 'card {CARD}'",
    "orders/i07_orders_within_age.sql": f"""
        UPDATE orders_order SET state_changed_at = now() - {DAY}""",
    "orders/i07_cancellations_within_age.sql": f"""
        INSERT INTO orders_ordercancellation (order_id, state, reason, requested_by, requested_at)
        SELECT id, 'requested', 'x', 'customer', now() - {DAY} FROM orders_order""",
    "orders/i07_corrections_within_age.sql": f"""
        INSERT INTO orders_ordercorrection (order_id, kind, state, wanted, former_email, reason,
            requested_by, requested_at)
        SELECT id, 'address', 'requested', '{{}}', '', 'x', 'customer', now() - {DAY}
          FROM orders_order""",
    "orders/i14_recalled_goods_are_asked_for.sql": f"""
        UPDATE fulfillment_fulfillment
           SET state = 'cancelled', keeps_units = true, cancel_wanted_at = now(),
               state_changed_at = now() - {DAY}""",
    "orders/i07_shortages_within_age.sql": f"""
        INSERT INTO orders_ordershortage (line_id, fulfillment_id, quantity, reason, state,
            substitute_sku, substitute_name, substitute_shipped, opened_at, state_changed_at,
            chosen_by)
        SELECT id, 1, 1, '', 'open', '', '', 0, now(), now() - {DAY}, '' FROM orders_orderline""",
    "orders/i07_returns_within_age.sql": rma("received"),
    "orders/i10_lines_count_returns.sql": rma("received", "accepted", "scrap"),
    "orders/i10_returns_within_shipped.sql": rma("received"),
    "orders/i12_return_steps_allowed.sql": step("return.requested", "closed", "requested"),
    "orders/i14_closed_returns_are_settled.sql": rma("closed"),
    "orders/i12_cancelled_or_shipped.sql": """
        UPDATE orders_orderline SET cancelled = 1, allocated = 0""",
    "orders/i08_answered_orders_exist.sql": """
        UPDATE core_idempotencykey
           SET response_body = jsonb_set(response_body::jsonb, '{total_minor}', '1')::text""",
    "orders/i08_orders_are_whole.sql": "DELETE FROM fulfillment_reservation",
    "orders/i10_lines_allocate_what_is_kept.sql": "UPDATE orders_order SET state = 'expired'",
    "orders/i10_lines_count_parcels.sql": "UPDATE orders_order SET state = 'completed'",
    "orders/i10_no_request_left_on_hold.sql": HOLD
    + "UPDATE fulfillment_fulfillment SET first_sent_at = now()",
    "orders/i10_requests_know_holds.sql": HOLD,
    "orders/i10_shipped_is_paid.sql": PARCEL,
    "orders/i12_order_steps_allowed.sql": step("order.confirmed", "completed", "confirmed"),
    "orders/i12_order_story_is_whole.sql": "UPDATE orders_order SET state = 'in_fulfillment'",
    "orders/i14_completed_orders_keep_no_units.sql": "UPDATE orders_order SET state = 'completed'",
    "orders/i14_ended_orders_hold_nothing.sql": f"""
        UPDATE orders_order SET state = 'cancelled', state_changed_at = now() - {DAY}""",
    "orders/i14_no_request_outlives_its_order.sql": "UPDATE orders_order SET state = 'cancelled'",
    "orders/i15_no_card_numbers.sql": f"""
        UPDATE orders_order SET metadata = '{{"note": "{CARD}"}}'""",
    "orders/i17_documents_append_only.sql": "DROP TRIGGER document_follows ON orders_document",
    "orders/i20_documents_without_gaps.sql": DOCUMENT
    + "UPDATE orders_documentseries SET last_number = 2",
    "orders/i20_documents_say_their_sums.sql": DOCUMENT,
    "orders/i20_money_is_documented.sql": f"""
        INSERT INTO payments_ledgerentry (txn, order_id, attempt_id, account, amount_minor,
            currency, source, booked_at)
        SELECT '00000000-0000-4000-8000-000000000002', order_id, id, account, amount, currency,
               '', now() - {DAY}
          FROM payments_paymentattempt,
               (VALUES ('stripe', 2195), ('sales', -2195)) AS side (account, amount)""",
    "orders/i16_discounts_sum.sql": """
        INSERT INTO orders_orderdiscount (order_id, position, source, name, code, amount_minor,
            on_shipping)
        SELECT id, 1, 'promotion', 'Sale', '', 100, false FROM orders_order""",
    "orders/i16_vouchers_count_uses.sql": """
        INSERT INTO orders_voucher (code, name, kind, rate_bp, amount_minor, currency,
            minimum_minor, is_active, uses)
        VALUES ('TEN', '', 'percent', 1000, 0, '', 0, true, 1)""",
    "orders/i16_totals_add_up.sql": """
        ALTER TABLE orders_order DROP CONSTRAINT order_total_adds_up;
        UPDATE orders_order SET total_minor = total_minor + 1""",
    "payments/i01_money_within_bounds.sql": """
        ALTER TABLE payments_paymentattempt DROP CONSTRAINT attempt_amounts_in_order;
        UPDATE payments_paymentattempt SET captured_minor = amount_minor + 1""",
    "payments/i01_refunds_within_bounds.sql": REFUND
    + "UPDATE payments_refund SET state = 'approved', approved_by = 'staff:2'",
    "payments/i02_one_live_attempt.sql": """
        DROP INDEX one_live_attempt_per_purpose;
        INSERT INTO payments_paymentattempt
        SELECT (jsonb_populate_record(attempt, jsonb_build_object('id', id + 1, 'number', 2,
               'uuid', gen_random_uuid(), 'stripe_intent_id', NULL))).*
          FROM payments_paymentattempt attempt""",
    "payments/i04_accounts_match_attempts.sql": """
        UPDATE payments_orderaccount SET authorized_minor = authorized_minor + 1""",
    "payments/i04_balance_is_booked.sql": BALANCE,
    "payments/i04_ledger_matches_balance.sql": BALANCE,
    "payments/i07_cases_have_alerts.sql": f"""
        INSERT INTO payments_paymentcase (kind, subject, currency, detail, opened_at, closed_by,
            resolution)
        VALUES ('duplicate', 'pi_1', '', '', now() - {DAY}, '', '')""",
    "payments/i04_ledger_balances.sql": FREE_LEDGER
    + "UPDATE payments_ledgerentry SET amount_minor = amount_minor + 1 WHERE account = 'holds'",
    "payments/i04_ledger_matches_attempts.sql": FREE_LEDGER + "DELETE FROM payments_ledgerentry",
    "payments/i04_ledger_matches_disputes.sql": DISPUTE
    + """
        UPDATE payments_dispute SET state = 'won';
        INSERT INTO payments_ledgerentry (txn, order_id, attempt_id, account, amount_minor,
            currency, source, booked_at)
        SELECT '00000000-0000-4000-8000-000000000001', order_id, id, account, amount, currency,
               'dp_ada:withdrawn', now()
          FROM payments_paymentattempt,
               (VALUES ('disputes', 2195), ('stripe', -2195)) AS side (account, amount)""",
    "payments/i05_no_overdue_calls.sql": f"""
        UPDATE payments_paymentoperation SET due_at = now() - {DAY}""",
    "payments/i07_attempts_within_age.sql": f"""
        UPDATE payments_paymentattempt SET state_changed_at = now() - {DAY}""",
    "payments/i07_disputes_within_age.sql": DISPUTE
    + f"UPDATE payments_dispute SET state_changed_at = now() - {DAY}",
    "payments/i07_operations_within_age.sql": f"""
        UPDATE payments_paymentoperation
           SET state = 'unknown', due_at = now(), first_sent_at = now() - {DAY}""",
    "payments/i07_refunds_within_age.sql": REFUND
    + f"UPDATE payments_refund SET state_changed_at = now() - {DAY}",
    "payments/i12_refund_steps_allowed.sql": step("refund.requested", "succeeded", "requested"),
    "payments/i12_dispute_steps_allowed.sql": step("dispute.under_review", "won", "under_review"),
    "payments/i12_payment_steps_allowed.sql": step("payment.created", "captured", "created"),
    "payments/i15_no_card_numbers.sql": f"""
        UPDATE payments_paymentattempt SET payment_method = '{CARD}'""",
    "payments/i16_money_columns_and_currencies.sql": """
        UPDATE payments_paymentattempt SET currency = 'EUR'""",
    "payments/i17_ledger_append_only.sql": FREE_LEDGER,
    "payments/i18_no_forgotten_calls.sql": f"""
        UPDATE payments_paymentoperation SET state = 'unknown', first_sent_at = now() - {DAY}""",
}

BASKET = """
INSERT INTO orders_basket (public_id, currency, details, created_at, updated_at)
VALUES (gen_random_uuid(), 'GBP', '{}', now(), now());
"""
# Where a run of digits that passes the check is no card: a phone number, the caller's own number
# or key, the provider's number of a message.
NO_CARDS = {
    "an order's phone": f"UPDATE orders_order SET phone = '+{CARD}'",
    "an order's reference": f"UPDATE orders_order SET external_ref = '{CARD}'",
    "a basket's phone": f"""{BASKET}
        UPDATE orders_basket SET details = '{{"contact": {{"phone": "+{CARD}"}}}}'""",
    "a request's phone": f"""
        UPDATE fulfillment_fulfillment
           SET ship_to = jsonb_set(ship_to, '{{phone}}', '"+{CARD}"')""",
    "a message's recipient": f"{MESSAGE} UPDATE notifications_message SET recipient = '+{CARD}'",
    "a message's number": f"{MESSAGE} UPDATE notifications_message SET provider_id = '{CARD}'",
    "an idempotency key": f"UPDATE core_idempotencykey SET key = '{CARD}'",
    "an answer's phone": f"""
        UPDATE core_idempotencykey
           SET response_body = '{{"customer": {{"phone": "+{CARD}"}}}}'""",
    "an answer's reference": f"""
        UPDATE core_idempotencykey SET response_body = '{{"external_ref": "{CARD}"}}'""",
}
# The same tables, each with a card where one may not be.
CARDS_BESIDE = f"""{BASKET} {MESSAGE}
UPDATE orders_order SET phone = '+{CARD}', external_ref = '{CARD}', email = '{CARD}@example.com';
UPDATE orders_basket
   SET details = '{{"contact": {{"phone": "+{CARD}", "email": "{CARD}@example.com"}}}}';
UPDATE notifications_message SET recipient = '+{CARD}', data = '{{"note": "{CARD}"}}';
UPDATE core_idempotencykey
   SET key = '{CARD}', response_body = '{{"customer": {{"phone": "+{CARD}", "name": "{CARD}"}}}}';
"""


@dataclass(frozen=True)
class BookBreakage:
    """SQL against our database, and against one of the sandbox's books."""

    book: str
    ours: str = ""
    theirs: str = ""


def figure(intent_id: str, order_id: str) -> str:
    """An intent in Stripe's book that holds money."""
    return (
        "INSERT INTO figure (intent_id, order_id, attempt_id, status, amount_minor, captured_minor,"
        " refunded_minor, currency, created_at) VALUES"
        f" ('{intent_id}', '{order_id}', 'a', 'requires_capture', 100, 0, 0, 'gbp',"
        " '2026-01-01T00:00:00Z');"
    )


BOOK_BREAKAGES = {
    "payments/i09_stripe_agrees.sql": BookBreakage("stripe", theirs=figure("pi_lost", "ord_1")),
    "payments/i09_one_charge_per_order.sql": BookBreakage(
        "stripe", theirs=figure("pi_1", "ord_1") + figure("pi_2", "ord_1")
    ),
    "payments/i09_refunds_agree.sql": BookBreakage(
        "stripe",
        theirs="INSERT INTO refund (refund_id, intent_id, amount_minor, currency, status,"
        " created_at) VALUES ('re_lost', 'pi_ada', 1, 'gbp', 'succeeded', '2026-01-01T00:00:00Z')",
    ),
    "fulfillment/i10_warehouse_agrees.sql": BookBreakage(
        "warehouse", ours="UPDATE fulfillment_fulfillment SET state = 'accepted'"
    ),
    "notifications/i13_providers_agree.sql": BookBreakage(
        "messages",
        ours=MESSAGE + "UPDATE notifications_message SET state = 'accepted', due_at = NULL",
    ),
}
