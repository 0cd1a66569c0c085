"""One parcel that left: counted on its request's lines, taken out of stock, told to the house."""

from datetime import datetime

from fulfillment import events
from fulfillment.gateways.wms import WarehouseShipment
from fulfillment.models import Fulfillment, FulfillmentLine, Shipment, ShipmentLine
from fulfillment.services import shelves, stock, tracking
from fulfillment.states import ShipmentState
from globalmart.core import outbox, timeline
from globalmart.core.alerts import open_alert
from globalmart.core.ids import public_id


def record(row: Fulfillment, parcel: WarehouseShipment, *, now: datetime) -> bool:
    """Insert a parcel that is not known yet of a locked request; tell whether it was booked.

    What does not fit is an alert, not a booking.
    """
    quantities = _fitting(row, parcel)
    if not quantities:
        return False
    shipped_at = shelves.moment(parcel.shipped_at, now=now)
    shipment = Shipment.objects.create(
        public_id=public_id("shp"),
        order_id=row.order_id,
        fulfillment=row,
        warehouse_id=row.warehouse_id,
        wms_shipment_id=parcel.shipment_id,
        state=ShipmentState.IN_TRANSIT,
        carrier=parcel.carrier,
        tracking_number=parcel.tracking_number,
        tracking_url=tracking.find_url(
            told=parcel.tracking_url, carrier=parcel.carrier, number=parcel.tracking_number
        ),
        shipped_at=shipped_at,
        state_changed_at=min(shipped_at, now),
    )
    ShipmentLine.objects.bulk_create(
        ShipmentLine(shipment=shipment, sku=sku, quantity=quantity)
        for sku, quantity in sorted(quantities.items())
    )
    stock.consume(
        order_id=row.order_id,
        warehouse_id=row.warehouse_id,
        quantities=quantities,
        shipped_at=shipped_at,
    )
    timeline.record(
        subject_type="order",
        subject_id=row.order_id,
        kind="shipment.dispatched",
        actor="warehouse",
        data={"shipment": shipment.public_id, "units": sum(quantities.values())},
    )
    outbox.publish(events.ShipmentDispatched(subject_id=row.order_id, shipment_id=shipment.pk))
    tracking.record(shipment, parcel, now=now)
    return True


def _fitting(row: Fulfillment, parcel: WarehouseShipment) -> dict[str, int]:
    """Count the parcel on the request's lines; what does not fit is an alert, not a booking."""
    lines = {line.sku: line for line in row.lines.all()}
    wanted: dict[str, int] = {}
    for item in parcel.lines:
        wanted[item.sku] = wanted.get(item.sku, 0) + item.quantity
    fits = all(
        sku in lines and 0 < quantity <= _left(lines[sku]) for sku, quantity in wanted.items()
    )
    if not fits:
        open_alert(
            kind="shipment_does_not_fit",
            subject_type="order",
            subject_id=row.order_id,
            detail=f"Parcel {parcel.shipment_id} of {row.reference} holds what was not asked for",
        )
        return {}
    for sku, quantity in wanted.items():
        lines[sku].shipped += quantity
    FulfillmentLine.objects.bulk_update(lines.values(), ["shipped"])
    return wanted


def _left(line: FulfillmentLine) -> int:
    return line.quantity - line.shipped - line.short
