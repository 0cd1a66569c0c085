"""What others may ask about money."""

from payments.queries.accounts import get_account, is_covered, is_settled, summaries
from payments.queries.attempts import (
    AttemptView,
    confirmed_by_us,
    find_attempt,
    find_live_attempt,
    list_attempts,
)
from payments.queries.waiting import (
    has_due_checks,
    has_due_operations,
    has_due_webhooks,
    list_stuck_attempts,
    list_stuck_operations,
)

__all__ = [
    "AttemptView",
    "confirmed_by_us",
    "find_attempt",
    "find_live_attempt",
    "get_account",
    "has_due_checks",
    "has_due_operations",
    "has_due_webhooks",
    "is_covered",
    "is_settled",
    "list_attempts",
    "list_stuck_attempts",
    "list_stuck_operations",
    "summaries",
]
