"""What became of wishes to put an order's contact or address right."""

from datetime import datetime

from globalmart.core.choreography import MOST_STUCK, Stuck
from orders.models import OrderCorrection
from orders.states import CORRECTION_AGE, CorrectionKind, CorrectionState

S = CorrectionState


def find_latest_address(*, order_id: int) -> OrderCorrection | None:
    """Return the latest wish to send the order elsewhere."""
    rows = OrderCorrection.objects.filter(order_id=order_id, kind=CorrectionKind.ADDRESS)
    return rows.order_by("-pk").first()


def list_all(*, order_id: int) -> list[OrderCorrection]:
    """Return the wishes to put the order right, oldest first."""
    return list(OrderCorrection.objects.filter(order_id=order_id).order_by("pk"))


def former_email(*, correction_id: int) -> str:
    """Return where the customer was reached before this correction; empty where that is as it was.
    Raises OrderCorrection.DoesNotExist."""
    return OrderCorrection.objects.values_list("former_email", flat=True).get(pk=correction_id)


def list_stuck(*, now: datetime) -> list[Stuck]:
    """Return wishes that nobody has answered for longer than their age."""
    late = OrderCorrection.objects.filter(
        state=S.REQUESTED, requested_at__lt=now - CORRECTION_AGE[S.REQUESTED]
    )
    return [
        Stuck(
            "order",
            row.order_id,
            "correction_stuck",
            f"another {row.kind} was asked for at {row.requested_at:%F %T}, and nobody knows yet",
        )
        for row in late.order_by("requested_at")[:MOST_STUCK]
    ]
