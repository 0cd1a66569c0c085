"""What an order costs: prices of the shop, tax inside them, shipping. All in minor units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils import timezone

from globalmart.core.money import included_tax
from orders.models import Price, Product, ShippingMethod, ShippingRate, TaxRate
from orders.queries.preorders import latest_ahead

# Stripe takes amounts of at most eight digits; a larger order could never be paid.
MOST_TOTAL_MINOR = 99_999_999


class UnknownSku(Exception):
    """Nothing for sale has these SKUs."""

    def __init__(self, skus: tuple[str, ...]) -> None:
        super().__init__(", ".join(skus))
        self.skus = skus


class NotPriced(Exception):
    """These SKUs have no price in the currency asked for."""

    def __init__(self, skus: tuple[str, ...]) -> None:
        super().__init__(", ".join(skus))
        self.skus = skus


class UnknownShippingMethod(Exception):
    """No such way to ship, or none priced in this currency."""


class TotalTooLarge(Exception):
    """The order's total is beyond what we take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedLine:
    """One SKU with its frozen price; `total_minor` includes `tax_minor`."""

    product_id: int
    sku: str
    name: str
    quantity: int
    unit_price_minor: int
    tax_class: str
    tax_rate_bp: int
    tax_minor: int
    total_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """An order's amounts. total = subtotal + shipping; tax is inside the total. `ships_from` is
    the day from which all of it can leave, if that is ahead."""

    lines: tuple[PricedLine, ...]
    subtotal_minor: int
    shipping_minor: int
    shipping_tax_minor: int
    shipping_tax_rate_bp: int
    tax_minor: int
    total_minor: int
    ships_from: date | None


def quote(
    *, quantities: Mapping[str, int], currency: str, country: str, shipping_method: str
) -> Quote:
    """Price SKUs (sku -> quantity, at least one) to a country (ISO 3166 alpha-2).

    Raises UnknownSku, NotPriced, UnknownShippingMethod, TotalTooLarge.
    """
    prices = _prices(list(quantities), currency)
    rates = dict(TaxRate.objects.filter(country=country).values_list("tax_class", "rate_bp"))
    lines = tuple(
        _line(prices[sku], quantity, rates) for sku, quantity in sorted(quantities.items())
    )
    subtotal = sum(line.total_minor for line in lines)
    shipping = _shipping(shipping_method, currency, subtotal)
    # Carriage is taxed at the standard rate, as an ancillary of the goods.
    shipping_rate = rates.get("standard", 0)
    shipping_tax = included_tax(shipping, shipping_rate)
    if subtotal + shipping > MOST_TOTAL_MINOR:
        raise TotalTooLarge
    return Quote(
        lines=lines,
        subtotal_minor=subtotal,
        shipping_minor=shipping,
        shipping_tax_minor=shipping_tax,
        shipping_tax_rate_bp=shipping_rate,
        tax_minor=sum(line.tax_minor for line in lines) + shipping_tax,
        total_minor=subtotal + shipping,
        ships_from=latest_ahead(
            (price.product.ships_from for price in prices.values()), today=timezone.localdate()
        ),
    )


def _prices(skus: Sequence[str], currency: str) -> dict[str, Price]:
    found = Price.objects.filter(
        product__sku__in=skus, product__is_active=True, currency=currency
    ).select_related("product")
    prices = {price.product.sku: price for price in found}
    missing = [sku for sku in skus if sku not in prices]
    if missing:
        rows = Product.objects.filter(sku__in=missing, is_active=True)
        known = set(rows.values_list("sku", flat=True))
        unknown = tuple(sku for sku in missing if sku not in known)
        raise UnknownSku(unknown) if unknown else NotPriced(tuple(missing))
    return prices


def _line(price: Price, quantity: int, rates: Mapping[str, int]) -> PricedLine:
    product = price.product
    rate = rates.get(product.tax_class, 0)
    total = price.amount_minor * quantity
    return PricedLine(
        product_id=product.pk,
        sku=product.sku,
        name=product.name,
        quantity=quantity,
        unit_price_minor=price.amount_minor,
        tax_class=product.tax_class,
        tax_rate_bp=rate,
        tax_minor=included_tax(total, rate),
        total_minor=total,
    )


def _shipping(code: str, currency: str, subtotal_minor: int) -> int:
    rate = ShippingRate.objects.filter(
        method__code=code, method__is_active=True, currency=currency
    ).first()
    if rate is None:
        raise UnknownShippingMethod(code)
    if rate.free_from_minor is not None and subtotal_minor >= rate.free_from_minor:
        return 0
    return rate.amount_minor


def list_shipping_options(
    *, currency: str, subtotal_minor: int
) -> list[tuple[ShippingMethod, int]]:
    """Return the ways to ship goods of this value, each with its price, in display order."""
    rates = ShippingRate.objects.filter(method__is_active=True, currency=currency)
    options = []
    for rate in rates.select_related("method").order_by("method__position", "method__code"):
        is_free = rate.free_from_minor is not None and subtotal_minor >= rate.free_from_minor
        options.append((rate.method, 0 if is_free else rate.amount_minor))
    return options
