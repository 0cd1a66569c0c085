"""Give money back that came for nothing: a hold is cancelled, a capture refunded."""

from datetime import datetime

from django.db import transaction

from payments.models import OrderAccount, PaymentAttempt, Refund
from payments.services.cases import open_case
from payments.services.planning import plan_cancel
from payments.services.refund_books import RefundRefused
from payments.services.refunds import refund_whole_attempt
from payments.states import AttemptState, CaseKind

HAS_CAPTURED = (AttemptState.PARTIALLY_CAPTURED, AttemptState.CAPTURED)


@transaction.atomic
def give_back(
    *, order_id: int, now: datetime, reason: Refund.Reason = Refund.Reason.LATE_PAYMENT
) -> None:
    """Plan to cancel every hold of the order and to refund all that was captured for it.

    The second telling changes nothing.
    """
    OrderAccount.objects.locked().get(order_id=order_id)
    plan_cancel(order_id=order_id, now=now)
    captured = PaymentAttempt.objects.filter(order_id=order_id, state__in=HAS_CAPTURED)
    for attempt_id in captured.order_by("pk").values_list("pk", flat=True):
        refund_late(attempt_id=attempt_id, now=now, reason=reason)


def refund_late(
    *, attempt_id: int, now: datetime, reason: Refund.Reason = Refund.Reason.LATE_PAYMENT
) -> None:
    """Refund all that is left of a payment that came too late, or for an order that was cancelled.

    Where that is refused (the customer's bank has asked for the money, say) it becomes a case: the
    answer that brought us here is recorded all the same.
    """
    try:
        refund_whole_attempt(attempt_id=attempt_id, reason=reason, now=now)
    except RefundRefused as refusal:
        _leave_to_staff(PaymentAttempt.objects.get(pk=attempt_id), refusal)


def _leave_to_staff(attempt: PaymentAttempt, refusal: RefundRefused) -> None:
    open_case(
        kind=CaseKind.LATE_PAYMENT,
        subject=attempt.stripe_intent_id or str(attempt.uuid),
        detail=f"Money came for nothing, and is not refunded by itself: {refusal.detail}",
        order_id=attempt.order_id,
        attempt_id=attempt.pk,
        their_minor=attempt.captured_minor,
        currency=attempt.currency,
    )
