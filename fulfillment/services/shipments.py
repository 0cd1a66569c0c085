"""What the warehouse says it has done: polled, recorded once, however often it is repeated."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from fulfillment import events, gateways
from fulfillment.gateways.wms import (
    OutcomeUnknown,
    WarehouseOrder,
    WarehouseRejected,
    WarehouseShipment,
    WarehouseUnavailable,
)
from fulfillment.models import Fulfillment, FulfillmentLine, Shipment, ShipmentLine, Warehouse
from fulfillment.services import holds, stock
from fulfillment.services.steps import move
from fulfillment.states import FulfillmentState, ShipmentState
from globalmart.core import outbox, states, timeline
from globalmart.core.alerts import open_alert
from globalmart.core.db import WORK_FIELDS
from globalmart.core.ids import public_id
from globalmart.core.work import backoff

log = logging.getLogger(__name__)

PAGE = 100
# Longer than a call's deadline and the recording of a page together.
LEASE_SECONDS = 90
ENDED = (FulfillmentState.SHIPPED, FulfillmentState.CANCELLED, FulfillmentState.INCOMPLETE)
PICKING = {"picking", "packed", "partially_shipped", "shipped"}


def poll(*, warehouse_id: int, token: UUID) -> None:
    """Read the warehouse's changes to the end and record them; set the time of the next poll.

    Ends when the lease with this token has passed to somebody else. Waits for the network; refuses
    to run in a transaction.
    """
    warehouse = Warehouse.objects.filter(pk=warehouse_id, lease_token=token).first()
    if warehouse is None:
        return
    try:
        while _read_page(warehouse):
            pass
    except (WarehouseUnavailable, OutcomeUnknown, WarehouseRejected) as error:
        seconds = backoff(warehouse.tries, most=60)
        warehouse.postpone(now=timezone.now(), seconds=seconds, error=str(error))
        _save(warehouse, *WORK_FIELDS)
    else:
        _rest_until_next(warehouse)


def _read_page(warehouse: Warehouse) -> bool:
    """Record one page, keep its cursor, renew the lease; tell whether there is more."""
    page = gateways.current().list_changes(warehouse.code, None, warehouse.poll_cursor, PAGE)
    for found in page.orders:
        record(warehouse_id=warehouse.pk, found=found)
    now = timezone.now()
    warehouse.poll_cursor, warehouse.polled_at = page.next_cursor, now
    warehouse.lease_until = now + timedelta(seconds=LEASE_SECONDS)
    return _save(warehouse, "poll_cursor", "polled_at", "lease_until") and page.has_more


def _rest_until_next(warehouse: Warehouse) -> None:
    warehouse.tries = 0
    now = timezone.now()
    warehouse.postpone(now=now, seconds=settings.WMS_POLL_SECONDS)
    _save(warehouse, "tries", *WORK_FIELDS)


def _save(warehouse: Warehouse, *fields: str) -> bool:
    """Write these fields if our lease is still the one that counts; tell whether it is."""
    ours = Warehouse.objects.filter(pk=warehouse.pk, lease_token=warehouse.lease_token)
    return ours.update(**{name: getattr(warehouse, name) for name in fields}) == 1


def record(*, warehouse_id: int, found: WarehouseOrder) -> None:
    """Record what the warehouse says about one of our requests; a repetition changes nothing."""
    known = Fulfillment.objects.filter(warehouse_id=warehouse_id, reference=found.reference).first()
    if known is None:
        log.warning("the warehouse tells of %s, which is not ours", found.reference)
        open_alert(
            kind="warehouse_order_unknown",
            subject_type="warehouse",
            subject_id=warehouse_id,
            detail=f"The warehouse tells of {found.reference}, which is not ours; "
            "the log names every other",
        )
        return
    if known.state in ENDED:
        return
    try:
        if found.status == "cancelled":
            _alert_disagreement(known, "it has cancelled it without our asking")
        else:
            _record_order(known.pk, found)
    except (states.IllegalTransition, DataError, IntegrityError) as error:
        # One order that cannot be must not keep all others from being told. The error's own text
        # may hold the row's values, so only its name is kept.
        _alert_disagreement(known, f"{found.status} cannot be recorded: {type(error).__name__}")


def _alert_disagreement(known: Fulfillment, what: str) -> None:
    open_alert(
        kind="warehouse_disagrees",
        subject_type="order",
        subject_id=known.order_id,
        detail=f"The warehouse on {known.reference}: {what}",
    )


@transaction.atomic(durable=True)
def _record_order(fulfillment_id: int, found: WarehouseOrder) -> None:
    row = Fulfillment.objects.locked().get(pk=fulfillment_id)
    now = timezone.now()
    if row.state == FulfillmentState.ON_HOLD and row.first_sent_at is not None:
        # Put aside because nothing seemed to have arrived; now a parcel may leave all the same.
        move(row, FulfillmentState.READY, now)
        holds.alert_parcel(row)
    if row.state == FulfillmentState.READY and row.first_sent_at is not None:
        # It looked as if nothing had arrived.
        move(row, FulfillmentState.SUBMITTING, now)
    if row.state in {FulfillmentState.SUBMITTING, FulfillmentState.SUBMIT_UNKNOWN}:
        # The answer to our request was lost; that the warehouse works on it is the answer.
        move(row, FulfillmentState.ACCEPTED, now)
        row.rest()
        outbox.publish(events.FulfillmentAccepted(subject_id=row.order_id, fulfillment_id=row.pk))
    row.wms_number = found.wms_number
    if found.status in PICKING and row.state == FulfillmentState.ACCEPTED:
        move(row, FulfillmentState.IN_PROGRESS, now)
    known = set(row.shipments.values_list("wms_shipment_id", flat=True))
    for parcel in found.shipments:
        if parcel.shipment_id not in known:
            _record_shipment(row, parcel)
    _derive_state(row, now)
    row.save()


def _record_shipment(row: Fulfillment, parcel: WarehouseShipment) -> None:
    """Insert one parcel, count it on the lines, take its units out of stock, tell the house."""
    quantities = _fitting(row, parcel)
    if not quantities:
        return
    shipment = Shipment.objects.create(
        public_id=public_id("shp"),
        order_id=row.order_id,
        fulfillment=row,
        warehouse_id=row.warehouse_id,
        wms_shipment_id=parcel.shipment_id,
        state=ShipmentState.IN_TRANSIT,
        carrier=parcel.carrier,
        tracking_number=parcel.tracking_number,
        tracking_url=parcel.tracking_url,
        shipped_at=parcel.shipped_at,
    )
    ShipmentLine.objects.bulk_create(
        ShipmentLine(shipment=shipment, sku=sku, quantity=quantity)
        for sku, quantity in sorted(quantities.items())
    )
    stock.consume(order_id=row.order_id, warehouse_id=row.warehouse_id, quantities=quantities)
    timeline.record(
        subject_type="order",
        subject_id=row.order_id,
        kind="shipment.dispatched",
        actor="warehouse",
        data={"shipment": shipment.public_id, "units": sum(quantities.values())},
    )
    outbox.publish(events.ShipmentDispatched(subject_id=row.order_id, shipment_id=shipment.pk))


def _fitting(row: Fulfillment, parcel: WarehouseShipment) -> dict[str, int]:
    """Count the parcel on the request's lines; what does not fit is an alert, not a booking."""
    lines = {line.sku: line for line in row.lines.all()}
    wanted: dict[str, int] = {}
    for item in parcel.lines:
        wanted[item.sku] = wanted.get(item.sku, 0) + item.quantity
    fits = all(
        sku in lines and 0 < quantity <= lines[sku].quantity - lines[sku].shipped
        for sku, quantity in wanted.items()
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


def _derive_state(row: Fulfillment, now: datetime) -> None:
    lines = list(row.lines.all())
    if all(line.shipped == line.quantity for line in lines):
        move(row, FulfillmentState.SHIPPED, now)
    elif row.state != FulfillmentState.PARTIALLY_SHIPPED and any(line.shipped for line in lines):
        move(row, FulfillmentState.PARTIALLY_SHIPPED, now)
