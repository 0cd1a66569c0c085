"""The tables that seeded payments stand in, and what is told of them."""

from datetime import datetime
from typing import Any

ACCOUNT, ATTEMPT = "payments_orderaccount", "payments_paymentattempt"
OPERATION, LEDGER = "payments_paymentoperation", "payments_ledgerentry"
REFUND, ITEM, DISPUTE = "payments_refund", "payments_refunditem", "payments_dispute"
# Every column that matters is named: one that is added later takes its default.
COLUMNS = {
    ACCOUNT: (
        *("id", "order_id", "currency", "due_minor", "authorized_minor", "captured_minor"),
        *("refunded_minor", "refund_reserved_minor"),
    ),
    ATTEMPT: (
        *("id", "uuid", "order_id", "purpose", "number", "mode", "state", "currency"),
        *("amount_minor", "authorized_minor", "captured_minor", "refunded_minor"),
        *("refund_reserved_minor", "capture_target_minor", "is_multicapture", "payment_method"),
        *("stripe_intent_id", "stripe_charge_id", "decline_code", "declines", "last_decline_id"),
        *("capture_before", "checks", "created_at", "state_changed_at"),
    ),
    OPERATION: (
        *("id", "uuid", "attempt_id", "kind", "refund_id", "number", "state", "amount_minor"),
        *("idempotency_key", "request", "first_sent_at", "finished_at", "created_at", "tries"),
        "last_error",
    ),
    LEDGER: (
        *("id", "txn", "order_id", "attempt_id", "account", "amount_minor", "currency"),
        *("source", "booked_at"),
    ),
    REFUND: (
        *("id", "uuid", "order_id", "attempt_id", "currency", "amount_minor", "state", "reason"),
        *("note", "requested_by", "approved_by", "needs_second_person", "stripe_refund_id"),
        *("failure_code", "checks", "created_at", "state_changed_at"),
    ),
    ITEM: ("id", "refund_id", "kind", "line", "quantity", "amount_minor"),
    DISPUTE: (
        *("id", "stripe_id", "order_id", "attempt_id", "currency", "amount_minor", "state"),
        *("reason", "evidence_due_at", "opened_at", "state_changed_at"),
    ),
}
# So many ids each order has in each table, whether it needs them or not: an order's rows can then
# be written without knowing those of the orders before it.
PER_ORDER = {ACCOUNT: 1, ATTEMPT: 2, OPERATION: 10, LEDGER: 20, REFUND: 1, ITEM: 1, DISPUTE: 1}

Sink = dict[str, list[tuple[Any, ...]]]
# When, kind, before, after, actor, data.
Note = tuple[datetime, str, str, str, str, dict[str, Any]]
# What a document is written for, as queries.moves names it; when, and how much.
Move = tuple[str, datetime, int]
