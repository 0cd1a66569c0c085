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
    OrderLine.objects.bulk_update(lines, ["shipped"])
    return lines


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
    OrderLine.objects.bulk_update(lines, ["cancelled"])
