"""Whether goods may leave for the money that there is."""

from datetime import datetime, timedelta

from django.db.models import OuterRef, Subquery

from globalmart.core.choreography import MOST_STUCK, Stuck
from payments.models import PaymentAttempt, PaymentOperation
from payments.queries.accounts import get_account, is_covered
from payments.states import LATE, AttemptState, OperationKind, OperationState

# How long before its end a hold alarms.
WARN_BEFORE = timedelta(hours=24)
HELD = (AttemptState.AUTHORIZED, AttemptState.PARTIALLY_CAPTURED)
FAILED = (OperationState.DECLINED, OperationState.REFUSED)


def is_secured(*, order_id: int) -> bool:
    """Tell whether the order is covered, and not by a hold whose last capture brought no money."""
    captures = PaymentOperation.objects.filter(
        attempt=OuterRef("pk"), kind=OperationKind.CAPTURE, first_sent_at__isnull=False
    )
    paying = PaymentAttempt.objects.filter(order_id=order_id, authorized_minor__gt=0)
    attempts = paying.exclude(purpose__startswith=LATE).annotate(
        last_capture=Subquery(captures.order_by("-number").values("state")[:1])
    )
    secured = sum(
        row.captured_minor if row.last_capture in FAILED else row.authorized_minor
        for row in attempts
    )
    return is_covered(order_id=order_id) and secured >= get_account(order_id=order_id).due_minor


def list_ending_holds(*, now: datetime) -> list[Stuck]:
    """Return holds that end within a day (Stripe's `capture_before`) and are not all captured."""
    ending = PaymentAttempt.objects.filter(state__in=HELD, capture_before__lt=now + WARN_BEFORE)
    return [
        Stuck(
            "order",
            row.order_id,
            "hold_ending",
            f"the hold of attempt {row.number} ends at {row.capture_before:%F %T} UTC",
        )
        for row in ending.order_by("capture_before")[:MOST_STUCK]
    ]
