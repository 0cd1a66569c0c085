"""What an order costs, from plain data alone: no database, no clock, no framework.

`price` is the way in; the rules are in docs/reference/prices.md.
"""

from orders.pricing.amounts import Amounts, Applied, PricedLine
from orders.pricing.discounts import BelowMinimum
from orders.pricing.shipping import NoRateFits, shipping_price
from orders.pricing.terms import Discount, DiscountKind, DiscountSource, Line, Order, Rate
from orders.pricing.totals import price

__all__ = [
    "Amounts",
    "Applied",
    "BelowMinimum",
    "Discount",
    "DiscountKind",
    "DiscountSource",
    "Line",
    "NoRateFits",
    "Order",
    "PricedLine",
    "Rate",
    "price",
    "shipping_price",
]
