"""Between zeep's objects, which know no types, and our own words."""

from datetime import UTC
from typing import Any

from fulfillment.gateways.envelopes import CODE
from fulfillment.gateways.wms import (
    CarrierEvent,
    ChangePage,
    DeltaPage,
    EntryUnreadable,
    Receipt,
    ReceiptPage,
    ShipmentItem,
    StockDelta,
    StockLevel,
    StockSnapshot,
    SubmitAnswer,
    SubmitRequest,
    WarehouseLine,
    WarehouseOrder,
    WarehouseShipment,
)


def submit_fields(request: SubmitRequest) -> dict[str, Any]:
    """Return a request as the arguments of zeep's SubmitOrder."""
    to = request.ship_to
    lines = [
        {"lineNo": line.line_no, "sku": line.sku, "name": line.name, "quantity": line.quantity}
        for line in request.lines
    ]
    fields: dict[str, Any] = {
        "reference": request.reference,
        "sequence": request.sequence,
        "location": request.location,
        "orderNumber": request.order_number,
        "service": request.service,
        "shipTo": {
            "name": to.name,
            "line1": to.line1,
            "line2": to.line2,
            "city": to.city,
            "region": to.region,
            "postalCode": to.postal_code,
            "country": to.country,
            "phone": to.phone,
        },
        "lines": {"line": lines},
    }
    if request.promised_on is not None:
        fields["promisedOn"] = request.promised_on
    return fields


def read_submit_answer(answer: Any) -> SubmitAnswer:
    """Return the answer to SubmitOrder; zeep gives None for an empty element.

    The code goes where nothing can be erased, so free text is none: that joins the message.
    """
    code, message = answer.code or "", answer.message or ""
    if code and not CODE.fullmatch(code):
        code, message = "unknown", f"{code} {message}".strip()
    return SubmitAnswer(
        result=answer.result,
        wms_number=answer.wmsNumber or "",
        code=code,
        message=message,
    )


def read_page(answer: Any) -> ChangePage:
    """Return the answer to ListChanges. Raises EntryUnreadable where its one order cannot be."""
    entries = _items(answer.orders, "order")
    try:
        orders = tuple(read_order(order) for order in entries)
    except ValueError as error:
        if len(entries) != 1:
            raise
        raise EntryUnreadable(
            f"The answer cannot be read: {type(error).__name__}",
            reference=entries[0].reference,
            next_cursor=answer.nextCursor,
            has_more=answer.hasMore,
        ) from None
    return ChangePage(
        orders=orders,
        next_cursor=answer.nextCursor,
        has_more=answer.hasMore,
    )


def read_order(order: Any) -> WarehouseOrder:
    """Return one order with its lines, where it has them, and its shipments.

    Raises ValueError for one that is closed short and does not say by how much.
    """
    lines = tuple(_read_line(line) for line in _items(order.lines, "line"))
    if order.status == "closed_short" and not lines:
        raise ValueError("Closed short without lines.")
    return WarehouseOrder(
        reference=order.reference,
        wms_number=order.wmsNumber,
        status=order.status,
        shipments=tuple(_read_shipment(one) for one in _items(order.shipments, "shipment")),
        lines=lines,
    )


def _read_line(line: Any) -> WarehouseLine:
    return WarehouseLine(
        sku=line.sku,
        ordered=line.ordered,
        shipped=line.shipped,
        # zeep gives the default as text.
        short=int(line.short or 0),
        reason=line.shortReason or "",
    )


def _read_shipment(shipment: Any) -> WarehouseShipment:
    return WarehouseShipment(
        shipment_id=shipment.shipmentId,
        carrier=shipment.carrier or "",
        tracking_number=shipment.trackingNumber or "",
        tracking_url=shipment.trackingUrl or "",
        shipped_at=shipment.shippedAt.astimezone(UTC),
        lines=tuple(
            ShipmentItem(sku=item.sku, quantity=item.quantity)
            for item in _items(shipment.items, "item")
        ),
        events=tuple(_read_event(event) for event in _items(shipment.events, "event")),
    )


def _read_event(event: Any) -> CarrierEvent:
    return CarrierEvent(
        event_id=event.eventId,
        state=event.state,
        at=event.at.astimezone(UTC),
        description=event.description or "",
    )


def read_snapshot(answer: Any) -> StockSnapshot:
    """Return the answer to StockSnapshot: one page of a count."""
    return StockSnapshot(
        snapshot_id=answer.snapshotId,
        as_of=answer.asOf.astimezone(UTC),
        items=tuple(
            StockLevel(sku=item.sku, on_hand=item.onHand) for item in _items(answer.items, "item")
        ),
    )


def read_deltas(answer: Any) -> DeltaPage:
    """Return the answer to StockDelta."""
    return DeltaPage(
        deltas=tuple(
            StockDelta(
                delta_id=delta.deltaId,
                sku=delta.sku,
                change=delta.change,
                at=delta.at.astimezone(UTC),
                reason=delta.reason,
            )
            for delta in _items(answer.deltas, "delta")
        ),
        next_cursor=answer.nextCursor,
        has_more=answer.hasMore,
    )


def read_receipts(answer: Any) -> ReceiptPage:
    """Return the answer to ReturnReceipt."""
    return ReceiptPage(
        receipts=tuple(
            Receipt(
                receipt_id=receipt.receiptId,
                rma=receipt.rma or "",
                reference=receipt.reference or "",
                sku=receipt.sku,
                quantity=receipt.quantity,
                condition=receipt.condition,
                received_at=receipt.receivedAt.astimezone(UTC),
            )
            for receipt in _items(answer.receipts, "receipt")
        ),
        next_cursor=answer.nextCursor,
        has_more=answer.hasMore,
    )


def _items(container: Any, name: str) -> list[Any]:
    return (getattr(container, name) or []) if container is not None else []
