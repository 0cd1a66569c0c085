"""Units of an order's lines: what has left, by the parcels, and what was given up."""

from collections import Counter
from collections.abc import Mapping

from fulfillment import queries as fulfillment
from orders.models import Order, OrderLine, OrderShortage
from orders.states import ShortageState


def count_parcels(order: Order) -> list[OrderLine]:
    """Count on the lines what the parcels hold, and return them by position.

    What was sent instead of a line's goods counts as the line's. The caller holds the order's
    lock; counted again, nothing changes.
    """
    left: Counter[str] = Counter()
    for parcel in fulfillment.list_shipments([order.pk]).get(order.pk, []):
        for sku, quantity in parcel.lines:
            left[sku] += quantity
    lines = list(order.lines.order_by("position"))
    instead = _count_substitutes(order, left)
    for line in lines:
        line.shipped = left[line.sku] + instead[line.pk]
    _allocate(order, lines)
    OrderLine.objects.bulk_update(lines, ["shipped", "allocated"])
    return lines


def count_allocated(order: Order) -> None:
    """Count on the lines what is reserved for them, as stock has it now.

    To be called where reservations of the order were taken, given back, or turned into back-orders.
    The caller holds the order's lock; counted again, nothing changes.
    """
    lines = list(order.lines.order_by("position"))
    _allocate(order, lines)
    OrderLine.objects.bulk_update(lines, ["allocated"])


def _allocate(order: Order, lines: list[OrderLine]) -> None:
    """What is reserved for a line, or to be sent instead of its goods, up to what is still open."""
    reserved = fulfillment.allocated_units(order_id=order.pk)
    instead = OrderShortage.objects.filter(line__order=order).exclude(substitute_sku="")
    also = dict(instead.values_list("substitute_sku", "line_id"))
    for line in lines:
        units = reserved.get(line.sku, 0)
        units += sum(count for sku, count in reserved.items() if also.get(sku) == line.pk)
        line.allocated = min(units, line.quantity - line.shipped - line.cancelled)


def _count_substitutes(order: Order, left: Counter[str]) -> Counter[int]:
    """Count what was sent instead, on its shortage and by line."""
    rows = OrderShortage.objects.filter(line__order=order, state=ShortageState.SUBSTITUTED).locked()
    instead: Counter[int] = Counter()
    for row in rows:
        row.substitute_shipped = min(row.quantity, left[row.substitute_sku])
        row.save(update_fields=["substitute_shipped"])
        instead[row.line_id] += row.substitute_shipped
    return instead


def cancel_units(order: Order, units: Mapping[int, int]) -> None:
    """Count units as given up, by the line's position. The caller holds the order's lock."""
    lines = [line for line in order.lines.all() if units.get(line.position)]
    for line in lines:
        line.cancelled += units[line.position]
        line.allocated = min(line.allocated, line.quantity - line.shipped - line.cancelled)
    OrderLine.objects.bulk_update(lines, ["cancelled", "allocated"])
