"""What a quote says, written down for good: on the order, its lines and its discounts."""

from typing import Any

from globalmart.core.ids import public_id
from orders.models import Order, OrderDiscount, OrderLine
from orders.queries.pricing import Quote


def frozen_amounts(priced: Quote) -> dict[str, Any]:
    """Return the columns of an order that a quote fills."""
    return {
        "subtotal_minor": priced.subtotal_minor,
        "shipping_minor": priced.shipping_minor,
        "discount_minor": priced.discount_minor,
        "shipping_discount_minor": priced.shipping_discount_minor,
        "shipping_tax_minor": priced.shipping_tax_minor,
        "shipping_tax_rate_bp": priced.shipping_tax_rate_bp,
        "tax_minor": priced.tax_minor,
        "tax_added_minor": priced.tax_added_minor,
        "total_minor": priced.total_minor,
        "ships_from": priced.ships_from,
    }


def insert_lines(*, order: Order, priced: Quote, is_reserved: bool = True) -> list[OrderLine]:
    """Insert the order's lines. `is_reserved`: their stock is reserved in the same transaction."""
    return OrderLine.objects.bulk_create(
        OrderLine(
            public_id=public_id("lin"),
            order=order,
            position=place,
            product_id=line.product_id,
            sku=line.sku,
            name=line.name,
            quantity=line.quantity,
            unit_price_minor=line.unit_price_minor,
            discount_minor=line.discount_minor,
            tax_class=line.tax_class,
            tax_rate_bp=line.tax_rate_bp,
            tax_minor=line.tax_minor,
            tax_added_minor=line.tax_added_minor,
            total_minor=line.total_minor,
            allocated=line.quantity if is_reserved else 0,
        )
        for place, line in enumerate(priced.lines, start=1)
    )


def insert_discounts(*, order: Order, priced: Quote) -> list[OrderDiscount]:
    """Insert what the order was discounted by, in the order in which it was applied."""
    return OrderDiscount.objects.bulk_create(
        OrderDiscount(
            order=order,
            position=place,
            source=applied.source,
            name=applied.name,
            code=applied.code,
            amount_minor=applied.amount_minor,
            on_shipping=applied.on_shipping,
        )
        for place, applied in enumerate(priced.discounts, start=1)
    )
