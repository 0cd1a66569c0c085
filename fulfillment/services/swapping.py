"""Something else is sent instead of what a warehouse does not have."""

from collections.abc import Collection
from datetime import date, datetime

from django.db import transaction
from django.db.models import Q

from fulfillment.models import Reservation, Stock
from fulfillment.services import stock


@transaction.atomic
def swap(
    *,
    order_id: int,
    warehouse_id: int,
    given_up: Collection[str],
    sku: str,
    quantity: int,
    now: datetime,
    promised_on: date | None = None,
) -> None:
    """Give back what the order has, or waits for, of some SKUs in a warehouse, and take so many
    units of another SKU for it, wherever they are.

    The caller holds the order's lock. Raises OutOfStock; nothing has changed then.
    """
    # All rows at once, in key order, as two orders may swap the same goods crosswise.
    mine = Reservation.objects.filter(order_id=order_id).values("sku")
    list(Stock.objects.locked().filter(Q(sku__in=mine) | Q(sku=sku)))
    stock.release_reservations(
        order_id=order_id, warehouse_id=warehouse_id, skus=list(given_up), now=now
    )
    stock.reserve(order_id=order_id, quantities={sku: quantity}, promised_on=promised_on)
    stock.commit_reservations(order_id=order_id)
