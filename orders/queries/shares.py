"""What the units of an order cost: shares of its lines, exact to the last minor unit.

However the units of a line are cancelled and shipped, one by one or at once and in any order, their
shares sum to what the line cost. Pure.
"""

from collections.abc import Sequence

from globalmart.core.money import allocate
from orders.models import Order, OrderLine


def paid_by_line(order: Order, lines: Sequence[OrderLine]) -> list[int]:
    """Return what each line cost: its total less its share of a discount on the whole order."""
    on_lines = sum(line.discount_minor for line in lines)
    totals = [line.total_minor for line in lines]
    shares = allocate(min(order.discount_minor - on_lines, sum(totals)), totals)
    return [total - share for total, share in zip(totals, shares, strict=True)]


def cancelled_share(line: OrderLine, paid_minor: int) -> int:
    """Return what the cancelled units of a line would have cost; what does not divide is spread
    over the first of them."""
    share, more = divmod(paid_minor, line.quantity)
    return share * line.cancelled + min(more, line.cancelled)


def shipped_share(line: OrderLine, paid_minor: int) -> int:
    """Return what the shipped units of a line cost, rounded down until the line is finished, so
    that more is never captured than will be due in the end."""
    if line.shipped + line.cancelled == line.quantity:
        return paid_minor - cancelled_share(line, paid_minor)
    return paid_minor // line.quantity * line.shipped


def due_minor(order: Order, lines: Sequence[OrderLine]) -> int:
    """Return what is due for the units that were not cancelled, and shipping; nothing for none."""
    if all(line.cancelled == line.quantity for line in lines):
        return 0
    return order.total_minor - sum(cancelled_by_line(order, lines))


def cancelled_by_line(order: Order, lines: Sequence[OrderLine]) -> list[int]:
    """Return the share of each line's cancelled units."""
    paid = paid_by_line(order, lines)
    return [cancelled_share(line, each) for line, each in zip(lines, paid, strict=True)]


def shipped_minor(order: Order, lines: Sequence[OrderLine]) -> int:
    """Return what is to be captured for all that has left: shipping with the first parcel."""
    if not any(line.shipped for line in lines):
        return 0
    paid = paid_by_line(order, lines)
    goods = sum(shipped_share(line, each) for line, each in zip(lines, paid, strict=True))
    return goods + order.total_minor - sum(paid)
