"""Plan a call to Stripe: intent is committed before the act (rule R2)."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import transaction

from globalmart.core import outbox
from payments import events
from payments.models import OrderAccount, PaymentAttempt, PaymentOperation
from payments.states import OPEN, AttemptState, OperationKind, OperationState


def plan_operation(*, attempt: PaymentAttempt, kind: OperationKind, now: datetime) -> None:
    """Plan the attempt's one cancel or capture, due now; the second telling changes nothing.

    The caller holds the attempt's lock.
    """
    request: dict[str, Any] = {}
    if kind == OperationKind.CAPTURE:
        request = {"amount_to_capture": attempt.authorized_minor}
    uuid = uuid4()
    _, is_new = PaymentOperation.objects.get_or_create(
        attempt=attempt,
        kind=kind,
        number=1,
        defaults={
            "uuid": uuid,
            "amount_minor": attempt.authorized_minor or attempt.amount_minor,
            "idempotency_key": f"{kind}-{uuid}",
            "request": request,
            "due_at": now,
        },
    )
    if is_new:
        outbox.publish(
            events.OperationPlanned(subject_id=attempt.order_id, attempt_id=attempt.pk)
        )


@transaction.atomic
def plan_capture(*, order_id: int, now: datetime) -> None:
    """Plan to capture all that is held for the order.

    One capture per intent is what Stripe allows without multicapture, so the first shipment
    captures the whole; an order without a hold is left alone.
    """
    OrderAccount.objects.locked().get(order_id=order_id)
    held = PaymentAttempt.objects.locked().filter(
        order_id=order_id, purpose="order", state=AttemptState.AUTHORIZED
    )
    for attempt in held:
        plan_operation(attempt=attempt, kind=OperationKind.CAPTURE, now=now)


@transaction.atomic
def plan_cancel(*, order_id: int, now: datetime) -> bool:
    """Plan to cancel what is open or held for the order; tell whether nothing is live any more.

    An attempt whose first call never left is ended at once: Stripe has not heard of it.
    """
    OrderAccount.objects.locked().get(order_id=order_id)
    live = PaymentAttempt.objects.locked().filter(
        order_id=order_id, state__in=[*OPEN, AttemptState.AUTHORIZED]
    )
    is_over = True
    for attempt in live:
        if is_unsent(attempt=attempt):
            _end_unsent(attempt, now)
            continue
        is_over = False
        plan_operation(attempt=attempt, kind=OperationKind.CANCEL, now=now)
    return is_over


def is_unsent(*, attempt: PaymentAttempt) -> bool:
    """Tell whether no byte about this attempt has left us."""
    return (
        attempt.stripe_intent_id is None
        and not attempt.operations.filter(first_sent_at__isnull=False).exists()
    )


def _end_unsent(attempt: PaymentAttempt, now: datetime) -> None:
    attempt.operations.filter(state=OperationState.PLANNED).update(
        state=OperationState.REFUSED, due_at=None, lease_until=None, finished_at=now
    )
    attempt.state = AttemptState.CANCELLED
    attempt.state_changed_at = now
    attempt.next_check_at = None
    attempt.save(update_fields=["state", "state_changed_at", "next_check_at"])
