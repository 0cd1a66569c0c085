"""Units of a live order that nobody sends and nobody has cancelled: a person decides about them."""

from collections import Counter
from datetime import datetime

from django.db import transaction

from fulfillment import queries as fulfillment
from globalmart.core.alerts import close_alert, open_alert
from orders.models import Order, OrderShortage
from orders.queries.cancellations import is_cancelling
from orders.services.counting import count_parcels
from orders.states import OrderState

ALERT = "goods_not_coming"
LIVE = (OrderState.CONFIRMED, OrderState.IN_FULFILLMENT)


@transaction.atomic
def tell(*, order_id: int, now: datetime) -> None:
    """A request has ended without its goods: tell a person what is neither sent nor cancelled nor
    reserved any more, or that this is over. Told again, nothing changes."""
    order = Order.objects.locked().get(pk=order_id)
    found = {}
    if order.state in LIVE and not is_cancelling(order_id=order_id):
        found = _find(order)
    if not found:
        close_alert(kind=ALERT, subject_type="order", subject_id=order_id, now=now)
        return
    goods = ", ".join(f"{units} x {sku}" for sku, units in sorted(found.items()))
    open_alert(
        kind=ALERT,
        subject_type="order",
        subject_id=order_id,
        detail=f"Nobody sends {goods} any more: cancel what is left of the order",
    )


def _find(order: Order) -> dict[str, int]:
    reserved = Counter(fulfillment.reserved_units(order_id=order.pk))
    rows = OrderShortage.objects.filter(line__order=order).exclude(substitute_sku="")
    instead = list(rows.values_list("line_id", "substitute_sku"))
    found = {}
    for line in count_parcels(order):
        skus = {line.sku, *(sku for line_id, sku in instead if line_id == line.pk)}
        units = line.quantity - line.shipped - line.cancelled - sum(reserved[sku] for sku in skus)
        if units > 0:
            found[line.sku] = units
    return found
