"""What tests of stock share: moments around a noon, parcels of mugs, broken invariants."""

from datetime import UTC, datetime, timedelta

from fulfillment.models import Fulfillment, Shipment, ShipmentLine
from fulfillment.services import stock
from globalmart.core.audit import run_audit

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def ship(row: Fulfillment, units: int, *, when: float, key: str = "S-1") -> None:
    """Record a parcel of mugs that left at that hour."""
    parcel = Shipment.objects.create(
        public_id=key,
        order_id=row.order_id,
        fulfillment=row,
        warehouse_id=row.warehouse_id,
        wms_shipment_id=key,
        shipped_at=at(when),
    )
    ShipmentLine.objects.create(shipment=parcel, sku="MUG", quantity=units)
    stock.consume(
        order_id=row.order_id,
        warehouse_id=row.warehouse_id,
        quantities={"MUG": units},
        shipped_at=at(when),
    )


def broken() -> dict[str, int]:
    """Return the invariants of stock that do not hold, with the number of findings."""
    return {
        each.invariant.path.name: each.count
        for each in run_audit().findings
        if each.count and each.invariant.path.name[:3] in {"i03", "i07", "i17"}
    }
