"""A request that the warehouse has closed although something of it is missing."""

from collections.abc import Sequence
from datetime import datetime

from fulfillment import events
from fulfillment.gateways.wms import WarehouseOrder
from fulfillment.models import Fulfillment, FulfillmentLine
from fulfillment.services import stock
from fulfillment.services.steps import move
from fulfillment.states import FulfillmentState
from globalmart.core import outbox


def close(
    row: Fulfillment, lines: Sequence[FulfillmentLine], found: WarehouseOrder, *, now: datetime
) -> bool:
    """End a locked request with what is missing of its lines, whose parcels are all recorded; the
    caller saves the row.

    What is missing goes without goods for now, and the house is told. Where the warehouse's counts
    and its parcels do not add up nothing is done, and False returned. Raises IllegalTransition.
    """
    missing = {line.sku: line.quantity - line.shipped for line in lines}
    told: dict[str, int] = {}
    reasons: dict[str, str] = {}
    for each in found.lines:
        told[each.sku] = told.get(each.sku, 0) + each.short
        reasons[each.sku] = reasons.get(each.sku) or each.reason
    # Who names no lines has closed all that is open.
    if found.lines and any(told.get(sku, 0) != units for sku, units in missing.items()):
        return False
    for line in lines:
        line.short = missing[line.sku]
        line.short_reason = reasons.get(line.sku, "")[:200] if line.short else ""
    FulfillmentLine.objects.bulk_update(lines, ["short", "short_reason"])
    move(row, FulfillmentState.INCOMPLETE, now)
    row.rest()
    stock.backorder_open(
        order_id=row.order_id,
        warehouse_id=row.warehouse_id,
        quantities={sku: units for sku, units in missing.items() if units},
    )
    outbox.publish(events.FulfillmentClosedShort(subject_id=row.order_id, fulfillment_id=row.pk))
    return True
