"""Which orders are on hold, and why."""

from datetime import datetime

from orders.models import Order, OrderCancellation, OrderHold
from orders.states import CancellationState, HoldBlocks, HoldKind, OrderState

LOST_MONEY = (OrderState.CONFIRMED, OrderState.IN_FULFILLMENT)


def is_held(*, order_id: int) -> bool:
    """Tell whether a hold of the order is open."""
    return OrderHold.objects.filter(order_id=order_id, released_at__isnull=True).exists()


def blocks_changes(*, order_id: int) -> bool:
    """Tell whether the customer may not change the order: its money is in dispute, say."""
    held = OrderHold.objects.filter(order_id=order_id, released_at__isnull=True)
    return held.filter(blocks=HoldBlocks.CHANGES).exists()


def has_expired(*, now: datetime) -> bool:
    """Tell whether a hold is open whose time is over."""
    return OrderHold.objects.filter(released_at__isnull=True, expires_at__lte=now).exists()


def list_expired(*, now: datetime, limit: int) -> list[int]:
    """Return keys of orders with such a hold, the longest over first."""
    over = OrderHold.objects.filter(released_at__isnull=True, expires_at__lte=now)
    return list(over.order_by("expires_at").values_list("order_id", flat=True)[:limit])


def is_to_pay(order: Order) -> bool:
    """Tell whether the customer is asked for money: for the first time, or because a confirmed
    order has lost what was held for it. Not while somebody wants it cancelled."""
    wishes = OrderCancellation.objects.filter(order=order, state=CancellationState.REQUESTED)
    if wishes.exists():
        return False
    if order.state == OrderState.PENDING_PAYMENT:
        return order.payment_due_at is not None
    lost = OrderHold.objects.filter(order=order, kind=HoldKind.PAYMENT, released_at__isnull=True)
    return order.state in LOST_MONEY and lost.exists()


def list_holds(*, order_id: int) -> list[OrderHold]:
    """Return the order's holds, oldest first, the released ones too."""
    return list(OrderHold.objects.filter(order_id=order_id).order_by("pk"))
