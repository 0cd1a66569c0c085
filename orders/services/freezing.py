"""What a quote says, written down for good: on the order, its lines and its discounts."""

from typing import Any

from globalmart.core import rows
from globalmart.core.ids import public_id
from orders.models import Order, OrderDiscount, OrderLine
from orders.queries.pricing import Quote

# An order as it is placed, whole, in one statement.
INSERT = """
WITH placed AS (
    INSERT INTO orders_order ({order})
    SELECT {order} FROM jsonb_populate_record(NULL::orders_order, %(order)s::jsonb)
 RETURNING id
), line AS (
    INSERT INTO orders_orderline (order_id, {line})
    SELECT placed.id, {each_line}
      FROM placed, jsonb_populate_recordset(NULL::orders_orderline, %(lines)s::jsonb) AS l
){discount}
SELECT id FROM placed
"""
INSERT_DISCOUNTS = """, discount AS (
    INSERT INTO orders_orderdiscount (order_id, {discount})
    SELECT placed.id, {each_discount}
      FROM placed, jsonb_populate_recordset(NULL::orders_orderdiscount, %(discounts)s::jsonb) AS d
)"""


def insert_order(*, order: Order, lines: list[OrderLine], discounts: list[OrderDiscount]) -> None:
    """Insert an order with its lines and discounts, none of which is saved yet; the order gets
    its key. Raises IntegrityError where a constraint says no."""
    order_row = rows.as_row(order)
    line_rows = [rows.as_row(line, without="order_id") for line in lines]
    discount_rows = [rows.as_row(each, without="order_id") for each in discounts]
    discount = INSERT_DISCOUNTS.format(
        discount=rows.columns(discount_rows), each_discount=rows.columns(discount_rows, of="d")
    )
    statement = INSERT.format(
        order=rows.columns([order_row]),
        line=rows.columns(line_rows),
        each_line=rows.columns(line_rows, of="l"),
        discount=discount if discounts else "",
    )
    params = {"order": rows.as_json(order_row), "lines": rows.as_json(line_rows)}
    if discounts:
        params["discounts"] = rows.as_json(discount_rows)
    ((order.pk,),) = rows.fetch(statement, params)


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


def make_lines(*, order: Order, priced: Quote, is_reserved: bool = True) -> list[OrderLine]:
    """Return the order's lines, unsaved. `is_reserved`: their stock is reserved in the same
    transaction."""
    return [
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
    ]


def make_discounts(*, order: Order, priced: Quote) -> list[OrderDiscount]:
    """Return what the order was discounted by, unsaved, in the order in which it was applied."""
    return [
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
    ]
