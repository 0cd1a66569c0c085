"""Which orders are on hold, and why."""

from orders.models import OrderHold


def is_held(*, order_id: int) -> bool:
    """Tell whether a hold of the order is open."""
    return OrderHold.objects.filter(order_id=order_id, released_at__isnull=True).exists()


def list_holds(*, order_id: int) -> list[OrderHold]:
    """Return the order's holds, oldest first, the released ones too."""
    return list(OrderHold.objects.filter(order_id=order_id).order_by("pk"))
