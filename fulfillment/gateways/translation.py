"""Between zeep's objects, which know no types, and our own words."""

from datetime import UTC
from typing import Any

from fulfillment.gateways.wms import (
    ChangePage,
    ShipmentItem,
    StockLevel,
    StockSnapshot,
    SubmitAnswer,
    SubmitRequest,
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
    return {
        "reference": request.reference,
        "sequence": request.sequence,
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


def read_submit_answer(answer: Any) -> SubmitAnswer:
    """Return the answer to SubmitOrder; zeep gives None for an empty element."""
    return SubmitAnswer(
        result=answer.result,
        wms_number=answer.wmsNumber or "",
        code=answer.code or "",
        message=answer.message or "",
    )


def read_page(answer: Any) -> ChangePage:
    """Return the answer to ListChanges."""
    return ChangePage(
        orders=tuple(read_order(order) for order in _items(answer.orders, "order")),
        next_cursor=answer.nextCursor,
        has_more=answer.hasMore,
    )


def read_order(order: Any) -> WarehouseOrder:
    """Return one order with its shipments; the order's lines are left unread."""
    return WarehouseOrder(
        reference=order.reference,
        wms_number=order.wmsNumber,
        status=order.status,
        shipments=tuple(_read_shipment(one) for one in _items(order.shipments, "shipment")),
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
    )


def read_snapshot(answer: Any) -> StockSnapshot:
    """Return the answer to StockSnapshot."""
    return StockSnapshot(
        snapshot_id=answer.snapshotId,
        as_of=answer.asOf.astimezone(UTC),
        items=tuple(
            StockLevel(sku=item.sku, on_hand=item.onHand) for item in _items(answer.items, "item")
        ),
    )


def _items(container: Any, name: str) -> list[Any]:
    return (getattr(container, name) or []) if container is not None else []
