"""Refunds that somebody started at Stripe, and those for which our books have no room."""

from datetime import datetime

from payments.gateways.refunds import StripeRefund
from payments.models import PaymentAttempt, Refund, RefundItem
from payments.services.cases import close_case, open_case
from payments.services.refund_books import RefundBooks, RefundRefused, room_minor, tell
from payments.services.refunds import Part, add_items
from payments.states import CaseKind, RefundState

STRIPE = "stripe"


def record_external(attempt: PaymentAttempt, shown: StripeRefund, now: datetime) -> Refund:
    """Write down a refund that Stripe shows and we did not start; nothing is booked yet."""
    refund = Refund.objects.create(
        order_id=attempt.order_id,
        attempt=attempt,
        currency=attempt.currency,
        amount_minor=shown.amount_minor,
        state=RefundState.EXTERNAL,
        reason=Refund.Reason.EXTERNAL,
        requested_by=STRIPE,
        approved_by=STRIPE,
        stripe_refund_id=shown.id,
        created_at=now,
        state_changed_at=now,
    )
    add_items(refund, [Part(RefundItem.Kind.AMOUNT, shown.amount_minor)])
    tell(refund, before="", actor=STRIPE, reason="started at Stripe")
    return refund


def report_excess(books: RefundBooks, refusal: RefundRefused) -> None:
    """More has gone back than our books can explain: the refund stays external, and is tried
    again when a reservation has ended or a capture was learnt."""
    refund = books.refund
    open_case(
        kind=CaseKind.EXTERNAL_REFUND,
        subject=refund.stripe_refund_id or str(refund.uuid),
        detail=f"A refund from outside does not fit: {refusal.detail}",
        order_id=refund.order_id,
        attempt_id=refund.attempt_id,
        our_minor=room_minor(books.account, books.attempt),
        their_minor=refund.amount_minor,
        currency=refund.currency,
    )


def close_excess(books: RefundBooks) -> None:
    """Close the case of a refund from outside that did not fit, if there is one."""
    close_case(
        kind=CaseKind.EXTERNAL_REFUND,
        subject=books.refund.stripe_refund_id or str(books.refund.uuid),
        closed_by="system",
        resolution="it fits by now",
        now=books.now,
    )
