"""What the units of an order cost: shares of its lines, exact to the last minor unit.

However the units of a line are cancelled and shipped, one by one or at once and in any order, their
shares sum to what the line cost. Pure.
"""

from collections.abc import Sequence

from globalmart.core.money import charge_step
from orders.models import Order, OrderLine


def cancelled_share(line: OrderLine) -> int:
    """Return what the cancelled units of a line would have cost; what does not divide is spread
    over the first of them."""
    step = _step(line)
    share, more = divmod(line.total_minor // step, line.quantity)
    return (share * line.cancelled + min(more, line.cancelled)) * step


def shipped_share(line: OrderLine) -> int:
    """Return what the shipped units of a line cost, rounded down until the line is finished, so
    that more is never captured than will be due in the end."""
    if line.shipped + line.cancelled == line.quantity:
        return line.total_minor - cancelled_share(line)
    step = _step(line)
    return line.total_minor // step // line.quantity * line.shipped * step


def _step(line: OrderLine) -> int:
    """Return the smallest amount that can be charged for it; its total is a multiple of that."""
    return charge_step(line.order.currency) if line.order_id else 1


def due_minor(order: Order, lines: Sequence[OrderLine]) -> int:
    """Return what is due for the units that were not cancelled, and shipping; nothing for none."""
    if all(line.cancelled == line.quantity for line in lines):
        return 0
    return order.total_minor - sum(cancelled_share(line) for line in lines)


def shipped_minor(order: Order, lines: Sequence[OrderLine]) -> int:
    """Return what is to be captured for all that has left: shipping with the first parcel."""
    if not any(line.shipped for line in lines):
        return 0
    return order.shipping_total_minor + sum(shipped_share(line) for line in lines)
