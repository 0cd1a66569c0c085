"""What warehouses took back."""

from dataclasses import dataclass
from datetime import datetime

from fulfillment.models import ReturnReceipt


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptView:
    """A warehouse's receipt as other apps may see it; `receipt_id` is the warehouse's own."""

    id: int
    receipt_id: str
    rma: str
    order_id: int | None
    sku: str
    quantity: int
    condition: str
    received_at: datetime


def get_receipt(*, receipt_id: int) -> ReceiptView:
    """Return a receipt by its key here. Raises ReturnReceipt.DoesNotExist."""
    return _view(ReturnReceipt.objects.get(pk=receipt_id))


def list_receipts(*, order_id: int) -> list[ReceiptView]:
    """Return what warehouses took back of an order, first to last."""
    return [_view(row) for row in ReturnReceipt.objects.filter(order_id=order_id).order_by("pk")]


def list_receipts_by_id(*, receipt_ids: list[int]) -> list[ReceiptView]:
    """Return these receipts, first to last."""
    return [_view(row) for row in ReturnReceipt.objects.filter(pk__in=receipt_ids).order_by("pk")]


def _view(row: ReturnReceipt) -> ReceiptView:
    return ReceiptView(
        id=row.pk,
        receipt_id=row.receipt_id,
        rma=row.rma,
        order_id=row.order_id,
        sku=row.sku,
        quantity=row.quantity,
        condition=row.condition,
        received_at=row.received_at,
    )
