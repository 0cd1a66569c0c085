"""Whether goods may leave for the money that there is."""

from django.db.models import OuterRef, Subquery

from payments.models import PaymentAttempt, PaymentOperation
from payments.queries.accounts import get_account, is_covered
from payments.states import LATE, OperationKind, OperationState

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
