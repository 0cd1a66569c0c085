"""Who is to be told about an order, and what the message may say."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from fulfillment import queries as fulfillment
from orders.links import order_url
from orders.models import Order, OrderDiscount, OrderLine, OrderShortage
from orders.queries.cancellations import was_about_units, was_partly_stopped
from orders.queries.shortages import list_missing
from orders.queries.tracking import is_sent

# The client under whose name sales are imported (orders.imports).
IMPORT_CLIENT = "import"


@dataclass(frozen=True)
class Recipient:
    """The customer of an order, with what messages show. Minor units.

    What only some messages show is asked of the database once it is shown.
    """

    order: Order
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
    total_minor: int
    address: tuple[str, ...]
    ships_from: date | None
    is_charged_at_order: bool
    payment_due_at: datetime | None

    @cached_property
    def lines(self) -> tuple[OrderLine, ...]:
        """The order's lines, by position."""
        return tuple(self.order.lines.order_by("position"))

    @cached_property
    def discounts(self) -> tuple[OrderDiscount, ...]:
        """What was taken off."""
        return tuple(self.order.discounts.all())

    @cached_property
    def missing(self) -> tuple[tuple[int, str], ...]:
        """What the warehouse does not have, and of which the customer has not decided."""
        shortages = list_missing(order=self.order)
        return tuple((each.quantity, each.name) for each in shortages if each.is_open)

    @cached_property
    def names(self) -> dict[str, str]:
        """What is sent is called so, by SKU: the lines' goods, and what is sent instead of some."""
        instead = OrderShortage.objects.filter(line__order=self.order).exclude(substitute_sku="")
        return {
            **dict(instead.values_list("substitute_sku", "substitute_name")),
            **{line.sku: line.name for line in self.lines},
        }

    @cached_property
    def was_partly_stopped(self) -> bool:
        """Whether a part was stopped when cancelling the order was asked for last."""
        return was_partly_stopped(order_id=self.order.pk)

    @cached_property
    def is_about_units(self) -> bool:
        """Whether that was about some units, not the whole order."""
        return was_about_units(order_id=self.order.pk)

    @cached_property
    def is_sent(self) -> bool:
        """Whether all that is sent has left."""
        return is_sent(self.order, self.lines)

    @cached_property
    def has_arrived(self) -> bool:
        """Whether all that is sent is there."""
        parcels = fulfillment.list_shipments([self.order.pk]).get(self.order.pk, [])
        return self.is_sent and bool(parcels) and all(each.delivered_at for each in parcels)


def get_recipient(*, order_id: int) -> Recipient:
    """Return the customer of an order. Raises Order.DoesNotExist."""
    order = Order.objects.select_related("api_client").get(pk=order_id)
    # Only an import may ask for mail to addresses that reach nobody; an integrator may not.
    is_import = order.api_client is not None and order.api_client.name == IMPORT_CLIENT
    parts = ("name", "company", "line1", "line2", "city", "region", "postal_code", "country")
    address = tuple(text for part in parts if (text := order.shipping_address.get(part)))
    return Recipient(
        order=order,
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
        total_minor=order.total_minor,
        address=address,
        ships_from=order.ships_from,
        is_charged_at_order=order.is_charged_at_order,
        payment_due_at=order.payment_due_at,
    )
