"""Questions about orders."""

from datetime import datetime

from globalmart.core.choreography import MOST_STUCK, Stuck
from orders.models import Order
from orders.states import ORDER_AGE, OrderState


def has_unpaid_overdue(*, now: datetime) -> bool:
    """Tell whether an unpaid order is past its deadline."""
    return Order.objects.filter(state=OrderState.PENDING_PAYMENT, payment_due_at__lte=now).exists()


def list_unpaid_overdue(*, now: datetime, limit: int) -> list[int]:
    """Return keys of unpaid orders past their deadline, oldest first."""
    overdue = Order.objects.filter(state=OrderState.PENDING_PAYMENT, payment_due_at__lte=now)
    return list(overdue.order_by("payment_due_at").values_list("pk", flat=True)[:limit])


def list_stuck(*, now: datetime) -> list[Stuck]:
    """Return orders older in their state than the state's age."""
    return [
        Stuck(
            "order",
            order.pk,
            "order_stuck",
            f"{order.number} has been {state} since {order.state_changed_at:%F %T}",
        )
        for state, age in ORDER_AGE.items()
        for order in Order.objects.filter(state=state, state_changed_at__lt=now - age).order_by(
            "state_changed_at"
        )[:MOST_STUCK]
    ]
