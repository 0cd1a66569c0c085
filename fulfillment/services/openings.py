"""The first stock of a SKU, booked once however often an import or a seed runs."""

from collections.abc import Mapping

from django.db import transaction

from fulfillment.models import StockAdjustment, Warehouse
from fulfillment.services import stock


def book_opening(
    *, warehouse_code: str, quantities: Mapping[str, int], reason: str, actor: str
) -> int:
    """Adjust each SKU that has no adjustment for this reason yet; return how many there were.

    Quantities are units above zero. The warehouse's row is locked, so two runs at once book once.
    Raises Warehouse.DoesNotExist.
    """
    with transaction.atomic():
        warehouse = Warehouse.objects.locked().get(code=warehouse_code)
        booked = set(
            StockAdjustment.objects.filter(
                warehouse=warehouse, reason=reason, sku__in=list(quantities)
            ).values_list("sku", flat=True)
        )
        deltas = {sku: units for sku, units in quantities.items() if sku not in booked and units}
        if deltas:
            stock.adjust(warehouse_code=warehouse_code, deltas=deltas, reason=reason, actor=actor)
    return len(deltas)
