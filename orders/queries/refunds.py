"""Refunds of an order as its customer reads of them."""

from dataclasses import dataclass
from datetime import datetime

from payments import queries as payments

ON_ITS_WAY = "On its way. Your bank shows it in 5 to 10 days."
IN_WORK = "We are sending it back."
# What was asked for inside the house, or came to nothing, is not in this table.
WORDS = {
    "approved": IN_WORK,
    "processing": IN_WORK,
    "unknown": IN_WORK,
    "pending": "Sent. We wait for your bank to confirm it.",
    "external": ON_ITS_WAY,
    "requires_action": "We need to know where to send it: please see your e-mail.",
    "succeeded": ON_ITS_WAY,
    "failed": "Your bank sent it back. We are looking into it and will contact you.",
    "manual": "We are paying it back another way.",
}


@dataclass(frozen=True, slots=True)
class RefundNote:
    """A refund in plain words; `at` is when it came to this. Minor units."""

    amount_minor: int
    currency: str
    at: datetime
    words: str


def list_notes(*, order_id: int) -> list[RefundNote]:
    """Return what the customer may know of the order's refunds, first to last."""
    return [
        RefundNote(view.amount_minor, view.currency, view.state_changed_at, WORDS[view.state])
        for view in payments.list_refunds(order_id=order_id)
        if view.state in WORDS
    ]
