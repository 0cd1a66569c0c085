"""Early fraud warnings: recorded, and told to the house while something can be done."""

from datetime import datetime

from django.db import transaction

from globalmart.core import outbox, timeline
from payments import events
from payments.gateways.disputes import WarningAnswer
from payments.models import FraudWarning, PaymentAttempt
from payments.services.cases import close_case, open_case
from payments.services.disputed_money import lock_payment
from payments.states import CaseKind


@transaction.atomic
def apply_warning(*, answer: WarningAnswer, actor: str, now: datetime) -> bool:
    """Record an early fraud warning; tell whether its payment is known here.

    One that is actionable opens a case and stops what has not left; it ends being actionable when
    the payment was refunded or disputed, and does not become so again.
    """
    attempt = lock_payment(answer.intent_id)
    if attempt is None:
        return False
    row = FraudWarning.objects.locked().filter(stripe_id=answer.id).first()
    if row is None:
        _record_warning(attempt, answer, actor)
    elif row.is_actionable and not answer.is_actionable:
        row.is_actionable = False
        row.save(update_fields=["is_actionable"])
        close_case(
            kind=CaseKind.FRAUD_WARNING,
            subject=row.stripe_id,
            closed_by="system",
            resolution="The payment was refunded or disputed",
            now=now,
        )
    return True


def _record_warning(attempt: PaymentAttempt, answer: WarningAnswer, actor: str) -> None:
    row = FraudWarning.objects.create(
        stripe_id=answer.id,
        order_id=attempt.order_id,
        attempt=attempt,
        kind=answer.kind[:60],
        is_actionable=answer.is_actionable,
        warned_at=answer.warned_at,
    )
    timeline.record(
        subject_type="order",
        subject_id=row.order_id,
        kind="payment.fraud_warned",
        actor=actor,
        reason=row.kind,
        data={"warning": row.stripe_id, "is_actionable": row.is_actionable},
    )
    if not row.is_actionable:
        return
    open_case(
        kind=CaseKind.FRAUD_WARNING,
        subject=row.stripe_id,
        order_id=row.order_id,
        attempt_id=attempt.pk,
        their_minor=attempt.amount_minor,
        currency=attempt.currency,
        detail=f"The card's network calls the payment fraudulent ({row.kind or 'no kind given'}): "
        "refund it before it is disputed, or let the goods go",
    )
    outbox.publish(events.PaymentFraudWarned(subject_id=row.order_id, attempt_id=attempt.pk))
