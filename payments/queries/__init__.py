"""What others may ask about money."""

from payments.queries.accounts import (
    captured_minor,
    due_of,
    get_account,
    is_covered,
    is_settled,
    summaries,
    summarize,
)
from payments.queries.attempts import (
    AttemptView,
    confirmed_by_us,
    find_attempt,
    find_given_up,
    find_live_attempt,
    list_attempts,
    resting_until,
)
from payments.queries.disputes import (
    DisputeView,
    has_fraud_warning,
    has_open_dispute,
    list_disputes,
    list_evidence_due,
    list_stuck_disputes,
    stops_shipping,
)
from payments.queries.moves import Move, MoveKind, count_moves, list_moves
from payments.queries.reconciliation import has_due_reconciliation, list_late_reconciliations
from payments.queries.refunds import (
    RefundPart,
    RefundView,
    find_refund,
    list_refunds,
    refundable_by_attempt,
    refundable_minor,
)
from payments.queries.securing import is_secured, list_ending_holds
from payments.queries.waiting import (
    has_due_checks,
    has_due_operations,
    has_due_refund_checks,
    has_due_webhooks,
    list_stuck_attempts,
    list_stuck_operations,
    list_stuck_refunds,
)

__all__ = [
    "Move",
    "MoveKind",
    "RefundPart",
    "list_moves",
    "RefundView",
    "find_refund",
    "list_refunds",
    "refundable_by_attempt",
    "refundable_minor",
    "has_due_refund_checks",
    "list_stuck_refunds",
    "AttemptView",
    "DisputeView",
    "captured_minor",
    "count_moves",
    "confirmed_by_us",
    "due_of",
    "find_attempt",
    "find_given_up",
    "find_live_attempt",
    "get_account",
    "has_due_checks",
    "has_due_operations",
    "has_due_reconciliation",
    "has_due_webhooks",
    "has_fraud_warning",
    "has_open_dispute",
    "is_covered",
    "is_secured",
    "is_settled",
    "list_attempts",
    "list_disputes",
    "list_ending_holds",
    "list_evidence_due",
    "list_late_reconciliations",
    "list_stuck_attempts",
    "list_stuck_disputes",
    "list_stuck_operations",
    "resting_until",
    "stops_shipping",
    "summaries",
    "summarize",
]
