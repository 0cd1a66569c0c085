"""What waits: for the sweeper, which rings for it, and for the watchdog, which alarms."""

from datetime import datetime

from django.db.models.functions import Coalesce

from globalmart.core.choreography import MOST_STUCK, Stuck
from payments.models import PaymentAttempt, PaymentOperation, Refund, StripeEvent
from payments.states import ATTEMPT_AGE, OPERATION_AGE, REFUND_AGE


def has_due_operations(*, now: datetime) -> bool:
    """Tell whether an operation waits to be sent or resolved."""
    return PaymentOperation.objects.due(now=now).exists()


def has_due_checks(*, now: datetime) -> bool:
    """Tell whether an attempt's intent is to be looked at."""
    return PaymentAttempt.objects.filter(next_check_at__lte=now).exists()


def has_due_webhooks(*, now: datetime) -> bool:
    """Tell whether a stored webhook waits to be applied."""
    return StripeEvent.objects.due(now=now).exists()


def has_due_refund_checks(*, now: datetime) -> bool:
    """Tell whether a refund is to be looked up at Stripe."""
    return Refund.objects.filter(next_check_at__lte=now).exists()


def list_stuck_attempts(*, now: datetime) -> list[Stuck]:
    """Return attempts older in their state than the state's age."""
    return [
        Stuck(
            "order",
            row.order_id,
            "payment_stuck",
            f"attempt {row.number} has been {state} since {row.state_changed_at:%F %T}",
        )
        for state, age in ATTEMPT_AGE.items()
        for row in PaymentAttempt.objects.filter(
            state=state, state_changed_at__lt=now - age
        ).order_by("state_changed_at")[:MOST_STUCK]
    ]


def list_stuck_operations(*, now: datetime) -> list[Stuck]:
    """Return operations that were due, or sent, longer ago than their state's age."""
    return [
        Stuck(
            "operation",
            row.pk,
            "operation_stuck",
            f"{row.kind} of attempt {row.attempt_id} is {state}: {row.last_error}",
        )
        for state, age in OPERATION_AGE.items()
        for row in PaymentOperation.objects.annotate(
            # One that has not left is measured from when it should have.
            since=Coalesce("first_sent_at", "due_at")
        )
        .filter(state=state, due_at__isnull=False, since__lt=now - age)
        .order_by("since")[:MOST_STUCK]
    ]


def list_stuck_refunds(*, now: datetime) -> list[Stuck]:
    """Return refunds older in their state than the state's age."""
    return [
        Stuck(
            "refund",
            row.pk,
            "refund_stuck",
            f"{row} has been {state} since {row.state_changed_at:%F %T} {row.failure_code}".strip(),
        )
        for state, age in REFUND_AGE.items()
        for row in Refund.objects.filter(state=state, state_changed_at__lt=now - age).order_by(
            "state_changed_at"
        )[:MOST_STUCK]
    ]
