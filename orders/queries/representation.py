"""An order as the API shows it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fulfillment import queries as fulfillment
from orders.links import order_url
from orders.models import Order, OrderDiscount, OrderLine, Return
from orders.queries.returns import returns_of
from orders.states import OrderState
from payments import queries as payments

NOTHING_DUE = (OrderState.CANCELLED, OrderState.EXPIRED)


def order_body(
    *,
    order: Order,
    lines: Sequence[OrderLine],
    discounts: Sequence[OrderDiscount] = (),
    payment_status: str = "pending",
    fulfillment_status: str = "unfulfilled",
    shipments: Sequence[fulfillment.ShipmentView] = (),
    returns: Sequence[Return] = (),
    needs_browser: bool = False,
    due_minor: int | None = None,
) -> dict[str, Any]:
    """Return one order as JSON values: money in minor units, times RFC 3339 in UTC.

    With `needs_browser` it carries `pay_url`, where the customer pays. Without `due_minor` the
    total is due.
    """
    body: dict[str, Any] = {
        "id": order.public_id,
        "number": order.number,
        "external_ref": order.external_ref,
        "status": str(order.state),
        "payment_status": payment_status,
        "fulfillment_status": fulfillment_status,
        "currency": order.currency,
        "subtotal_minor": order.subtotal_minor,
        "shipping_minor": order.shipping_minor,
        "tax_minor": order.tax_minor,
        "tax_included": order.tax_added_minor == 0,
        "discount_minor": order.discount_minor,
        "shipping_discount_minor": order.shipping_discount_minor,
        "discounts": [_discount(each) for each in discounts],
        "total_minor": order.total_minor,
        "due_minor": order.total_minor if due_minor is None else due_minor,
        "customer": {"email": order.email, "name": order.name, "phone": order.phone},
        "shipping_address": order.shipping_address,
        "billing_address": order.billing_address,
        "shipping_method": order.shipping_method,
        "ships_from": order.ships_from.isoformat() if order.ships_from else None,
        "lines": [_line(line) for line in lines],
        "shipments": [_shipment(parcel) for parcel in shipments],
        "returns": [_return(rma) for rma in returns],
        "metadata": order.metadata,
        "tracking_url": order_url(order),
        "created_at": _time(order.created_at),
        "livemode": order.is_live,
    }
    if needs_browser:
        body["pay_url"] = order_url(order) + "pay/"
    return body


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _discount(discount: OrderDiscount) -> dict[str, Any]:
    return {
        "source": discount.source,
        "name": discount.name,
        "code": discount.code,
        "amount_minor": discount.amount_minor,
        "on_shipping": discount.on_shipping,
    }


def _line(line: OrderLine) -> dict[str, Any]:
    return {
        "id": line.public_id,
        "sku": line.sku,
        "name": line.name,
        "quantity": line.quantity,
        "unit_price_minor": line.unit_price_minor,
        "discount_minor": line.discount_minor,
        "tax_minor": line.tax_minor,
        "total_minor": line.total_minor,
        "shipped": line.shipped,
        "cancelled": line.cancelled,
        "returned": line.returned,
    }


def _return(rma: Return) -> dict[str, Any]:
    return {
        "number": rma.number,
        "kind": rma.kind,
        "status": rma.state,
        "requested_at": _time(rma.requested_at),
        "lines": [
            {
                "sku": row.line.sku,
                "quantity": row.quantity,
                "reception": row.reception,
                "decision": row.decision,
                "disposition": row.disposition,
            }
            for row in rma.lines.all()
        ],
    }


def _shipment(parcel: fulfillment.ShipmentView) -> dict[str, Any]:
    return {
        "id": parcel.public_id,
        "status": parcel.state,
        "carrier": parcel.carrier,
        "tracking_number": parcel.tracking_number,
        "tracking_url": parcel.tracking_url,
        "shipped_at": _time(parcel.shipped_at),
        "delivered_at": _time(parcel.delivered_at) if parcel.delivered_at else None,
        "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in parcel.lines],
    }


def represent(orders: Sequence[Order]) -> list[dict[str, Any]]:
    """Return orders for a list, in a fixed number of queries. Prefetch `lines` and `discounts`
    first."""
    ids = [order.pk for order in orders]
    paid, shipped = payments.summaries(ids), fulfillment.summaries(ids)
    parcels = fulfillment.list_shipments(ids)
    ours = payments.confirmed_by_us(ids)
    due = payments.due_of(ids)
    back = returns_of(ids)
    return [
        order_body(
            order=order,
            lines=sorted(order.lines.all(), key=lambda line: line.position),
            discounts=sorted(order.discounts.all(), key=lambda each: each.position),
            payment_status=paid.get(order.pk, "unpaid"),
            # Of a completed order nothing is missing that was not given up.
            fulfillment_status="fulfilled"
            if order.state == OrderState.COMPLETED
            else shipped[order.pk],
            shipments=parcels.get(order.pk, []),
            returns=back.get(order.pk, []),
            needs_browser=order.state == OrderState.PENDING_PAYMENT
            and order.payment_due_at is not None
            and order.pk not in ours,
            due_minor=0 if order.state in NOTHING_DUE else due.get(order.pk),
        )
        for order in orders
    ]
