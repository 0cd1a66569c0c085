"""The shop's tables: catalogue, prices, baskets, orders."""

from orders.models.baskets import Basket, BasketLine
from orders.models.cancellations import CancellationLine, OrderCancellation
from orders.models.catalogue import Category, Price, Product, TaxClass
from orders.models.corrections import OrderCorrection
from orders.models.holds import OrderHold
from orders.models.orders import Order, OrderLine
from orders.models.rates import ShippingMethod, ShippingRate, TaxRate
from orders.models.shortages import OrderShortage

__all__ = [
    "Basket",
    "BasketLine",
    "CancellationLine",
    "Category",
    "Order",
    "OrderCancellation",
    "OrderCorrection",
    "OrderHold",
    "OrderLine",
    "OrderShortage",
    "Price",
    "Product",
    "ShippingMethod",
    "ShippingRate",
    "TaxClass",
    "TaxRate",
]
