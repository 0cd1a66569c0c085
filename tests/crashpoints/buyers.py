"""Who buys: each cell's buyer, whose order's total is like no other's."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.journeys.shop import Shop


@dataclass(slots=True)
class Buyer:
    """One cell's order: placed with `key`, its total (minor units) like no other's; `reference` is
    that of its request to the warehouse."""

    key: str
    sku: str
    quantity: int
    amount_minor: int
    public_id: str = ""
    reference: str = ""
    body: Any = None
    accepted: str = ""


def amounts(shop: Shop) -> Iterator[tuple[str, int, int]]:
    """Give SKU, quantity and total, each total once, and none that an order has already."""
    ((shipping, free_from),) = shop.query(
        "SELECT rate.amount_minor, rate.free_from_minor FROM orders_shippingrate rate"
        " JOIN orders_shippingmethod method ON method.id = rate.method_id"
        " WHERE method.code = 'standard' AND rate.currency = 'GBP'"
        " AND rate.zone_id IS NULL"
    )
    prices = shop.query(
        "SELECT sku, amount_minor FROM orders_price price JOIN orders_product product"
        " ON product.id = price.product_id JOIN orders_pricelist list ON list.id = price_list_id"
        " WHERE list.currency = 'GBP' AND list.is_default AND sku = ANY(%s)"
        " ORDER BY sku",
        [shop.plentiful(20)],
    )
    used = {row[0] for row in shop.query("SELECT total_minor FROM orders_order")}
    for quantity in range(1, 60):
        for sku, price in prices:
            goods = price * quantity
            is_free = free_from is not None and goods >= free_from
            total = goods + (0 if is_free else shipping)
            if total not in used:
                used.add(total)
                yield sku, quantity, total
