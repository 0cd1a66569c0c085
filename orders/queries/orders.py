"""Questions about orders."""

from datetime import datetime

from django.db.models import QuerySet

from globalmart.core.choreography import MOST_STUCK, Stuck
from orders.models import Order, OrderLine
from orders.queries.preorders import INVITE_BEFORE
from orders.states import ORDER_AGE, OrderState


def has_unpaid_overdue(*, now: datetime) -> bool:
    """Tell whether an unpaid order is past its deadline."""
    return Order.objects.filter(state=OrderState.PENDING_PAYMENT, payment_due_at__lte=now).exists()


def list_unpaid_overdue(*, now: datetime, limit: int) -> list[int]:
    """Return keys of unpaid orders past their deadline, oldest first."""
    overdue = Order.objects.filter(state=OrderState.PENDING_PAYMENT, payment_due_at__lte=now)
    return list(overdue.order_by("payment_due_at").values_list("pk", flat=True)[:limit])


def has_uninvited(*, now: datetime) -> bool:
    """Tell whether an order is to be paid for now, because its goods have come near."""
    return _uninvited(now).exists()


def list_uninvited(*, now: datetime, limit: int, order_id: int | None = None) -> list[int]:
    """Return keys of orders whose goods have come near, oldest first; or that one order's."""
    rows = _uninvited(now) if order_id is None else _uninvited(now).filter(pk=order_id)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:limit])


def _uninvited(now: datetime) -> QuerySet[Order, Order]:
    """Orders without a deadline to pay, no product of which is still far off today: staff move
    the days on which products ship."""
    far_off = OrderLine.objects.filter(product__ships_from__gt=(now + INVITE_BEFORE).date())
    waiting = Order.objects.filter(state=OrderState.PENDING_PAYMENT, payment_due_at__isnull=True)
    return waiting.exclude(pk__in=far_off.values("order_id"))


def list_stuck(*, now: datetime) -> list[Stuck]:
    """Return orders older in their state than the state's age; while an order waits for its day
    that does not count."""
    return [
        Stuck(
            "order",
            order.pk,
            "order_stuck",
            f"{order.number} has been {state} since {order.state_changed_at:%F %T}",
        )
        for state, age in ORDER_AGE.items()
        for order in Order.objects.filter(state=state, state_changed_at__lt=now - age)
        .exclude(waits_until__gt=now - age)
        .order_by("state_changed_at")[:MOST_STUCK]
    ]
