"""What is in a basket, at today's prices and with today's stock."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Sum
from django.urls import reverse
from django.utils import timezone

from fulfillment import queries as fulfillment
from orders.models import Basket, BasketLine, Order, Price
from orders.queries.preorders import latest_ahead
from orders.queries.pricing import default_list


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A line of a basket. `price_minor` is None when the product is no longer for sale."""

    product_id: int
    sku: str
    name: str
    slug: str
    quantity: int
    price_minor: int | None
    seen_price_minor: int
    available: int
    ships_from: date | None
    weight_grams: int = 0

    @property
    def total_minor(self) -> int:
        return self.quantity * (self.price_minor or 0)

    @property
    def is_for_sale(self) -> bool:
        return self.price_minor is not None

    @property
    def is_price_changed(self) -> bool:
        return self.price_minor is not None and self.price_minor != self.seen_price_minor

    @property
    def is_short(self) -> bool:
        return self.available < self.quantity

    @property
    def url(self) -> str:
        return reverse("orders:product", args=[self.slug])


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """A basket with its lines. `order_id` is set when it has become an order."""

    id: int
    public_id: str
    currency: str
    details: dict[str, Any]
    items: list[Item]
    order_id: int | None

    @property
    def subtotal_minor(self) -> int:
        return sum(item.total_minor for item in self.items)

    @property
    def voucher(self) -> str:
        """The code of the voucher that its customer entered; empty: none."""
        code: str = self.details.get("voucher", {}).get("code", "")
        return code

    @property
    def weight_grams(self) -> int:
        return sum(item.quantity * item.weight_grams for item in self.items)

    @property
    def ships_from(self) -> date | None:
        """The day from which all of it can leave, if that is ahead."""
        return max(filter(None, (item.ships_from for item in self.items)), default=None)

    @property
    def count(self) -> int:
        return sum(item.quantity for item in self.items)

    @property
    def is_orderable(self) -> bool:
        """Tell whether every line can be sold as it stands."""
        return bool(self.items) and all(
            item.is_for_sale and not item.is_short for item in self.items
        )


def find_basket(*, basket_id: int | None) -> Contents | None:
    """Return a basket with its contents, oldest line first."""
    basket = Basket.objects.filter(pk=basket_id).first() if basket_id else None
    if basket is None:
        return None
    order_id = Order.objects.filter(basket=basket).values_list("pk", flat=True).first()
    return Contents(
        id=basket.pk,
        public_id=str(basket.public_id),
        currency=basket.currency,
        details=basket.details,
        items=_items(basket),
        order_id=order_id,
    )


def count_units(*, basket_id: int | None) -> int:
    """Return how many units are in a basket that is still open."""
    if not basket_id or Order.objects.filter(basket_id=basket_id).exists():
        return 0
    units = BasketLine.objects.filter(basket_id=basket_id).aggregate(units=Sum("quantity"))
    return units["units"] or 0


def find_order(*, order_id: int) -> Order | None:
    """Return the order that a basket became."""
    return Order.objects.filter(pk=order_id).first()


def _items(basket: Basket) -> list[Item]:
    lines = list(basket.lines.select_related("product").order_by("pk"))
    prices = dict(
        Price.objects.filter(
            default_list(basket.currency), product__in=[line.product_id for line in lines]
        ).values_list("product_id", "amount_minor")
    )
    left = fulfillment.available([line.product.sku for line in lines])
    today = timezone.localdate()
    return [
        Item(
            product_id=line.product_id,
            sku=line.product.sku,
            name=line.product.name,
            slug=line.product.slug,
            quantity=line.quantity,
            price_minor=prices.get(line.product_id) if line.product.is_active else None,
            seen_price_minor=line.seen_price_minor,
            available=left.get(line.product.sku, 0),
            ships_from=latest_ahead([line.product.ships_from], today=today),
            weight_grams=line.product.weight_grams,
        )
        for line in lines
    ]
