"""Baskets: what a guest means to buy, and what they typed at checkout so far."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone

from orders.models import Basket, BasketLine, Order, Price, Product
from orders.queries.pricing import default_list

MAX_QUANTITY = 999
MAX_LINES = 100


class NotForSale(Exception):
    """The product is withdrawn, or has no price in the basket's currency."""


class BasketFull(Exception):
    """The basket already holds as many different products as one order may have."""


class BasketClosed(Exception):
    """The basket has become an order and can no longer change. `order_id` names it."""

    def __init__(self, order_id: int) -> None:
        super().__init__(order_id)
        self.order_id = order_id


def open_basket() -> Basket:
    """Create an empty basket in the shop's currency."""
    return Basket.objects.create(currency=settings.SHOP_CURRENCY)


def reopen_basket(*, basket_id: int) -> Basket:
    """Copy a basket that became an order into a new one, with everything that was typed."""
    with transaction.atomic():
        old = Basket.objects.get(pk=basket_id)
        new = Basket.objects.create(currency=old.currency, details=old.details)
        BasketLine.objects.bulk_create(
            BasketLine(
                basket=new,
                product_id=line.product_id,
                quantity=line.quantity,
                seen_price_minor=line.seen_price_minor,
            )
            for line in old.lines.order_by("pk")
        )
    return new


def add_product(*, basket_id: int, product_id: int, quantity: int) -> int:
    """Add units of a product and return how many the basket now holds of it.

    More than MAX_QUANTITY of one product becomes MAX_QUANTITY.
    Raises NotForSale, BasketFull, BasketClosed.
    """
    with transaction.atomic():
        basket = _lock(basket_id)
        price = _price(product_id, basket.currency)
        line = basket.lines.filter(product_id=product_id).first()
        if line is None:
            if basket.lines.count() >= MAX_LINES:
                raise BasketFull
            line = BasketLine(basket=basket, product_id=product_id, quantity=0)
        line.quantity = min(line.quantity + quantity, MAX_QUANTITY)
        line.seen_price_minor = price
        line.save()
    return line.quantity


def set_quantity(*, basket_id: int, product_id: int, quantity: int) -> None:
    """Make a line hold `quantity` units; 0 removes it, an unknown line stays unknown.

    Raises BasketClosed.
    """
    with transaction.atomic():
        basket = _lock(basket_id)
        lines = basket.lines.filter(product_id=product_id)
        if quantity <= 0:
            lines.delete()
        else:
            lines.update(quantity=min(quantity, MAX_QUANTITY))


def accept_prices(*, basket_id: int) -> None:
    """Record that the customer has seen today's prices. Raises BasketClosed."""
    with transaction.atomic():
        basket = _lock(basket_id)
        today = Price.objects.filter(default_list(basket.currency), product=OuterRef("product"))
        lines = basket.lines.filter(product__is_active=True)
        changed = lines.annotate(today_minor=Subquery(today.values("amount_minor")[:1])).exclude(
            Q(today_minor=None) | Q(seen_price_minor=F("today_minor"))
        )
        BasketLine.objects.filter(pk__in=list(changed.values_list("pk", flat=True))).update(
            seen_price_minor=Subquery(today.values("amount_minor")[:1])
        )


def remember_details(*, basket_id: int, details: Mapping[str, Any]) -> None:
    """Keep what was typed at checkout, beside what was kept before. Raises BasketClosed."""
    with transaction.atomic():
        basket = _lock(basket_id)
        basket.details = {**basket.details, **details}
        basket.updated_at = timezone.now()
        basket.save(update_fields=["details", "updated_at"])


def _lock(basket_id: int) -> Basket:
    basket = Basket.objects.locked().get(pk=basket_id)
    order_id = Order.objects.filter(basket=basket).values_list("pk", flat=True).first()
    if order_id is not None:
        raise BasketClosed(order_id)
    return basket


def _price(product_id: int, currency: str) -> int:
    product = Product.objects.filter(pk=product_id, is_active=True)
    price = Price.objects.filter(default_list(currency), product__in=product)
    amount = price.values_list("amount_minor", flat=True).first()
    if amount is None:
        raise NotForSale
    return amount
