"""The shop's tables: catalogue, prices, baskets, orders."""

from orders.models.baskets import Basket, BasketLine
from orders.models.cancellations import CancellationLine, OrderCancellation
from orders.models.catalogue import Category, Product, TaxClass
from orders.models.corrections import OrderCorrection
from orders.models.documents import Document, DocumentSeries, LegalEntity
from orders.models.drafts import NEVER_PLACED, OrderDraft
from orders.models.holds import OrderHold
from orders.models.orders import Order, OrderLine
from orders.models.prices import Price, PriceList
from orders.models.rates import (
    ShippingMethod,
    ShippingRate,
    ShippingZone,
    TaxRate,
    ZonePlace,
)
from orders.models.returns import Return, ReturnLine, ReturnReception
from orders.models.shortages import OrderShortage
from orders.models.vouchers import OrderDiscount, Promotion, Voucher, VoucherUse
from orders.models.withdrawals import Withdrawal

__all__ = [
    "NEVER_PLACED",
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
    "OrderDiscount",
    "OrderDraft",
    "OrderHold",
    "OrderLine",
    "OrderShortage",
    "Price",
    "PriceList",
    "Product",
    "Promotion",
    "Return",
    "ReturnLine",
    "ReturnReception",
    "ShippingMethod",
    "ShippingRate",
    "ShippingZone",
    "TaxClass",
    "TaxRate",
    "Voucher",
    "VoucherUse",
    "Withdrawal",
    "ZonePlace",
]
