"""What a warehouse took back: recorded once, and matched to the order that it came from.

Which return of the customer's it belongs to is the business of orders, who hears of each.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from fulfillment import events
from fulfillment.gateways.wms import Receipt
from fulfillment.models import Fulfillment, ReturnReceipt
from globalmart.core import outbox, timeline


@transaction.atomic(durable=True)
def record(*, warehouse_id: int, receipts: Sequence[Receipt], now: datetime) -> None:
    """Record what is new of these, and tell of each.

    The goods themselves are in the warehouse's counts, not in these receipts.
    """
    named = {each.receipt_id: each for each in receipts}
    known = ReturnReceipt.objects.filter(warehouse_id=warehouse_id, receipt_id__in=named)
    for receipt_id in known.values_list("receipt_id", flat=True):
        del named[receipt_id]
    orders = _orders_of({each.reference for each in named.values() if each.reference})
    rows = ReturnReceipt.objects.bulk_create(
        ReturnReceipt(
            warehouse_id=warehouse_id,
            receipt_id=each.receipt_id,
            rma=each.rma,
            reference=each.reference,
            order_id=orders.get(each.reference),
            sku=each.sku,
            quantity=each.quantity,
            condition=each.condition,
            received_at=each.received_at,
            created_at=now,
        )
        for each in named.values()
    )
    for row in rows:
        _tell(row)


def _orders_of(references: set[str]) -> dict[str, int]:
    """Return the order behind each reference: that of a request, or the order's own number.

    An order is found by its first request, for references alone have an index.
    """
    firsts = {f"{reference}-1": reference for reference in references}
    requests = Fulfillment.objects.filter(reference__in={*references, *firsts})
    found = dict(requests.values_list("reference", "order_id"))
    numbers = {firsts[name]: order_id for name, order_id in found.items() if name in firsts}
    return numbers | found


def _tell(row: ReturnReceipt) -> None:
    outbox.publish(events.ReturnReceived(subject_id=row.pk))
    if row.order_id is None:
        return
    timeline.record(
        subject_type="order",
        subject_id=row.order_id,
        kind="receipt.recorded",
        actor="warehouse",
        data={
            "receipt": row.receipt_id,
            "sku": row.sku,
            "units": row.quantity,
            "condition": row.condition,
        },
    )
