"""Who is to be told about an order, and what the message may say."""

from dataclasses import dataclass
from datetime import date, datetime

from fulfillment import queries as fulfillment
from orders.links import order_url
from orders.models import Order, OrderDiscount, OrderLine, OrderShortage
from orders.queries.cancellations import was_about_units, was_partly_stopped
from orders.queries.shortages import list_missing
from orders.queries.tracking import is_sent

# The client under whose name sales are imported (orders.imports).
IMPORT_CLIENT = "import"


@dataclass(frozen=True, slots=True)
class Recipient:
    """The customer of an order, with what messages show. Minor units."""

    order_number: str
    order_url: str
    name: str
    email: str
    phone: str
    wants_sms: bool
    is_notified_anyway: bool
    currency: str
    subtotal_minor: int
    shipping_minor: int
    tax_minor: int
    tax_added_minor: int
    discounts: tuple[OrderDiscount, ...]
    total_minor: int
    lines: tuple[OrderLine, ...]
    address: tuple[str, ...]
    ships_from: date | None
    is_charged_at_order: bool
    payment_due_at: datetime | None
    # What the warehouse does not have, and of which the customer has not decided.
    missing: tuple[tuple[int, str], ...]
    # What is sent is called so, by SKU: the lines' goods, and what is sent instead of some.
    names: dict[str, str]
    # Whether a part was stopped when cancelling the order was asked for last.
    was_partly_stopped: bool
    # Whether that was about some units, not the whole order.
    is_about_units: bool
    # Whether all that is sent has left, and is there.
    is_sent: bool
    has_arrived: bool


def get_recipient(*, order_id: int) -> Recipient:
    """Return the customer of an order. Raises Order.DoesNotExist."""
    order = Order.objects.select_related("api_client").get(pk=order_id)
    # Only an import may ask for mail to addresses that reach nobody; an integrator may not.
    is_import = order.api_client is not None and order.api_client.name == IMPORT_CLIENT
    parts = ("name", "company", "line1", "line2", "city", "region", "postal_code", "country")
    address = tuple(text for part in parts if (text := order.shipping_address.get(part)))
    instead = OrderShortage.objects.filter(line__order=order).exclude(substitute_sku="")
    lines = tuple(order.lines.order_by("position"))
    parcels = fulfillment.list_shipments([order_id]).get(order_id, [])
    sent = is_sent(order, lines)
    return Recipient(
        order_number=order.number,
        order_url=order_url(order),
        name=order.name,
        email=order.email,
        phone=order.phone,
        wants_sms=order.wants_sms,
        is_notified_anyway=is_import and order.metadata.get("notify") == "1",
        currency=order.currency,
        subtotal_minor=order.subtotal_minor,
        shipping_minor=order.shipping_minor,
        tax_minor=order.tax_minor,
        tax_added_minor=order.tax_added_minor,
        discounts=tuple(order.discounts.all()),
        total_minor=order.total_minor,
        lines=lines,
        address=address,
        ships_from=order.ships_from,
        is_charged_at_order=order.is_charged_at_order,
        payment_due_at=order.payment_due_at,
        was_partly_stopped=was_partly_stopped(order_id=order_id),
        is_about_units=was_about_units(order_id=order_id),
        is_sent=sent,
        has_arrived=sent and bool(parcels) and all(each.delivered_at for each in parcels),
        names={
            **dict(instead.values_list("substitute_sku", "substitute_name")),
            **{line.sku: line.name for line in lines},
        },
        missing=tuple(
            (each.quantity, each.name) for each in list_missing(order=order) if each.is_open
        ),
    )
