"""Plan a call to Stripe: intent is committed before the act (rule R2)."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import transaction

from globalmart.core import outbox, timeline
from globalmart.core.alerts import open_alert
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
    last = attempt.operations.filter(kind=kind).order_by("-number").first()
    # One that was dropped before it left leaves room for the next.
    if last is not None and (last.finished_at is None or last.first_sent_at is not None):
        return
    uuid = uuid4()
    PaymentOperation.objects.create(
        uuid=uuid,
        attempt=attempt,
        kind=kind,
        number=last.number + 1 if last else 1,
        amount_minor=attempt.authorized_minor or attempt.amount_minor,
        idempotency_key=f"{kind}-{uuid}",
        request=request,
        due_at=now,
    )
    outbox.publish(events.OperationPlanned(subject_id=attempt.order_id, attempt_id=attempt.pk))


@transaction.atomic
def plan_capture(*, order_id: int, now: datetime) -> None:
    """Plan to capture all that is held for the order.

    One capture per intent is what Stripe allows without multicapture, so the first shipment
    captures the whole. Where nothing is held and not all is captured, an alert says so.
    """
    account = OrderAccount.objects.locked().get(order_id=order_id)
    held = PaymentAttempt.objects.locked().filter(
        order_id=order_id, purpose="order", state=AttemptState.AUTHORIZED
    )
    for attempt in held:
        plan_operation(attempt=attempt, kind=OperationKind.CAPTURE, now=now)
    if not held and account.captured_minor < account.due_minor:
        open_alert(
            kind="capture_failed",
            subject_type="order",
            subject_id=order_id,
            detail="Goods have left, and no hold is there to be captured",
        )


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


@transaction.atomic
def cancel_if_open(*, attempt_id: int, now: datetime) -> None:
    """Plan to cancel an attempt about which nothing is decided; a hold is left alone."""
    order_id = PaymentAttempt.objects.values_list("order_id", flat=True).get(pk=attempt_id)
    OrderAccount.objects.locked().get(order_id=order_id)
    attempt = PaymentAttempt.objects.locked().get(pk=attempt_id)
    if attempt.state in OPEN:
        plan_operation(attempt=attempt, kind=OperationKind.CANCEL, now=now)


def is_unsent(*, attempt: PaymentAttempt) -> bool:
    """Tell whether no byte about this attempt has left us."""
    return (
        attempt.stripe_intent_id is None
        and not attempt.operations.filter(first_sent_at__isnull=False).exists()
    )


def _end_unsent(attempt: PaymentAttempt, now: datetime) -> None:
    drop_planned(attempt=attempt, now=now)
    timeline.record(
        subject_type="order",
        subject_id=attempt.order_id,
        kind="payment.cancelled",
        before=attempt.state,
        after=AttemptState.CANCELLED,
        actor="system",
        reason="never sent",
        data={"attempt": attempt.number, "amount_minor": attempt.amount_minor},
    )
    attempt.state = AttemptState.CANCELLED
    attempt.state_changed_at = now
    attempt.next_check_at = None
    attempt.save(update_fields=["state", "state_changed_at", "next_check_at"])


def drop_planned(*, attempt: PaymentAttempt, now: datetime) -> None:
    """What was planned for an attempt that has ended is not sent any more."""
    attempt.operations.filter(state=OperationState.PLANNED).update(
        state=OperationState.REFUSED, due_at=None, lease_until=None, finished_at=now
    )


def drop_unsent_cancel(*, attempt: PaymentAttempt, now: datetime) -> None:
    """The money came before the cancel left, so it does not leave.

    A cancel that may have left stays: until its answer is known the order does not count as
    covered (payments.queries.is_covered).
    """
    unsent = attempt.operations.filter(
        kind=OperationKind.CANCEL, state=OperationState.PLANNED, first_sent_at__isnull=True
    )
    unsent.update(state=OperationState.REFUSED, due_at=None, lease_until=None, finished_at=now)
