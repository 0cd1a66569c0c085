"""The shop's tables: catalogue, prices, baskets, orders."""

from orders.models.baskets import Basket, BasketLine
from orders.models.cancellations import CancellationLine, OrderCancellation
from orders.models.catalogue import Category, Price, Product, TaxClass
from orders.models.corrections import OrderCorrection
from orders.models.documents import Document, DocumentSeries, LegalEntity
from orders.models.drafts import OrderDraft
from orders.models.holds import OrderHold
from orders.models.orders import Order, OrderLine
from orders.models.rates import ShippingMethod, ShippingRate, TaxRate
from orders.models.returns import Return, ReturnLine, ReturnReception
from orders.models.shortages import OrderShortage
from orders.models.withdrawals import Withdrawal

__all__ = [
    "Basket",
    "BasketLine",
    "CancellationLine",
    "Category",
    "Document",
    "DocumentSeries",
    "LegalEntity",
    "Order",
    "OrderCancellation",
    "OrderCorrection",
    "OrderDraft",
    "OrderHold",
    "OrderLine",
    "OrderShortage",
    "Price",
    "Product",
    "Return",
    "ReturnLine",
    "ReturnReception",
    "ShippingMethod",
    "ShippingRate",
    "TaxClass",
    "TaxRate",
    "Withdrawal",
]
