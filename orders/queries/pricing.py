"""What an order costs now: the shop's tables, put to `orders.pricing`. All in minor units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from django.db.models import Q
from django.utils import timezone

from globalmart.core.money import charge_step, least_charge
from globalmart.core.rows import fetch
from orders import pricing
from orders.models import PriceList, Product, Voucher
from orders.pricing import Applied, DiscountSource
from orders.queries.discounts import below_minimum, find_voucher, voucher_terms
from orders.queries.preorders import latest_ahead
from orders.queries.terms import find_terms

# Stripe takes amounts of at most eight digits; a larger order could never be paid.
MOST_TOTAL_MINOR = 99_999_999


# What an order's SKUs cost, by the list asked for or the currency's default one.
LISTED = """
SELECT p.sku, p.id, p.name, p.tax_class, c.slug, p.weight_grams, p.ships_from,
       price.amount_minor, l.tax_included
  FROM orders_pricelist l
  JOIN orders_price price ON price.price_list_id = l.id
  JOIN orders_product p ON p.id = price.product_id
  JOIN orders_category c ON c.id = p.category_id
 WHERE p.sku = ANY(%(skus)s::text[]) AND p.is_active AND l.currency = %(currency)s
   AND CASE WHEN %(code)s::text = '' THEN l.is_default
            ELSE l.code = %(code)s::text AND l.is_active END
"""


class ListedProduct(NamedTuple):
    """A product as one price list has it."""

    sku: str
    product_id: int
    name: str
    tax_class: str
    category: str
    weight_grams: int
    ships_from: date | None
    price_minor: int
    tax_included: bool


class UnknownSku(Exception):
    """Nothing for sale has these SKUs."""

    def __init__(self, skus: tuple[str, ...]) -> None:
        super().__init__(", ".join(skus))
        self.skus = skus


class NotPriced(Exception):
    """These SKUs have no price in the currency, or the price list, asked for."""

    def __init__(self, skus: tuple[str, ...]) -> None:
        super().__init__(", ".join(skus))
        self.skus = skus


class UnknownPriceList(Exception):
    """No active price list of this currency has this code."""


class UnknownShippingMethod(Exception):
    """No such way to ship, or none for this currency, address, weight and value."""


class TotalTooLarge(Exception):
    """The order's total is beyond what we take."""


class NothingToPay(Exception):
    """Nothing is left to pay, or less than a card can be charged: such an order could never be
    paid, and the shop takes none without a payment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedLine:
    """One SKU with its frozen price; total = quantity x unit price - discount + tax added."""

    product_id: int
    sku: str
    name: str
    quantity: int
    unit_price_minor: int
    discount_minor: int
    tax_class: str
    tax_rate_bp: int
    tax_minor: int
    tax_added_minor: int
    total_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """An order's amounts. total = subtotal + shipping - discount + tax added.

    `tax_minor` is the part of the total that is tax; `tax_added_minor` the same where the price
    list has none in it, else 0. `ships_from` is the day from which all of it can leave, if that is
    ahead. `voucher` is the one asked for; it may give nothing: see `is_voucher_applied`.
    """

    lines: tuple[PricedLine, ...]
    discounts: tuple[Applied, ...]
    subtotal_minor: int
    shipping_minor: int
    shipping_discount_minor: int
    shipping_tax_minor: int
    shipping_tax_rate_bp: int
    discount_minor: int
    tax_minor: int
    tax_added_minor: int
    total_minor: int
    tax_included: bool
    ships_from: date | None
    voucher: Voucher | None = None

    @property
    def is_voucher_applied(self) -> bool:
        return any(each.source == DiscountSource.VOUCHER for each in self.discounts)


def quote(
    *,
    quantities: Mapping[str, int],
    currency: str,
    country: str,
    shipping_method: str,
    region: str = "",
    price_list: str = "",
    voucher: str = "",
    email: str = "",
    now: datetime | None = None,
) -> Quote:
    """Price SKUs (sku -> quantity, at least one) to a country (ISO 3166 alpha-2).

    Without `price_list` by the currency's default list; `voucher` is a code as it was typed, and
    `email` tells whose earlier uses of it count.
    Raises UnknownSku, NotPriced, UnknownPriceList, UnknownShippingMethod, VoucherRefused,
    TotalTooLarge, NothingToPay.
    """
    now = now or timezone.now()
    prices, tax_included = _prices(list(quantities), currency, price_list)
    terms = find_terms(
        currency=currency, country=country, region=region, method=shipping_method, now=now
    )
    if shipping_method not in terms.shipping:
        raise UnknownShippingMethod(shipping_method)
    found = find_voucher(code=voucher, currency=currency, email=email, now=now) if voucher else None
    order = pricing.Order(
        lines=tuple(_wanted(prices[sku], quantity) for sku, quantity in quantities.items()),
        tax_rates=terms.tax_rates,
        tax_included=tax_included,
        shipping=terms.shipping[shipping_method],
        promotions=terms.promotions,
        voucher=voucher_terms(found) if found else None,
        step_minor=charge_step(currency),
    )
    try:
        amounts = pricing.price(order)
    except pricing.BelowMinimum as error:
        assert found is not None  # noqa: S101 - only a voucher has its minimum missed
        raise below_minimum(found, missing_minor=error.missing_minor, currency=currency) from error
    except pricing.NoRateFits as error:
        raise UnknownShippingMethod(shipping_method) from error
    if amounts.total_minor > MOST_TOTAL_MINOR:
        raise TotalTooLarge
    if amounts.total_minor < least_charge(currency):
        raise NothingToPay
    return _quote(amounts, prices, tax_included=tax_included, voucher=found)


def _quote(
    amounts: pricing.Amounts,
    prices: Mapping[str, ListedProduct],
    *,
    tax_included: bool,
    voucher: Voucher | None,
) -> Quote:
    days = (product.ships_from for product in prices.values())
    return Quote(
        lines=tuple(_line(line, prices[line.sku]) for line in amounts.lines),
        discounts=amounts.discounts,
        subtotal_minor=amounts.subtotal_minor,
        shipping_minor=amounts.shipping_minor,
        shipping_discount_minor=amounts.shipping_discount_minor,
        shipping_tax_minor=amounts.shipping_tax_minor,
        shipping_tax_rate_bp=amounts.shipping_tax_rate_bp,
        discount_minor=amounts.discount_minor,
        tax_minor=amounts.tax_minor,
        tax_added_minor=amounts.tax_added_minor,
        total_minor=amounts.total_minor,
        tax_included=tax_included,
        ships_from=latest_ahead(days, today=timezone.localdate()),
        voucher=voucher,
    )


def _prices(skus: Sequence[str], currency: str, code: str) -> tuple[dict[str, ListedProduct], bool]:
    """Return each SKU with its price, and whether tax is in the prices."""
    rows = fetch(LISTED, {"skus": list(skus), "currency": currency, "code": code})
    listed = [ListedProduct(*row) for row in rows]
    step = charge_step(currency)
    # A price that cannot be charged to the last digit is none: see docs/reference/prices.md.
    prices = {each.sku: each for each in listed if each.price_minor % step == 0}
    missing = [sku for sku in skus if sku not in prices]
    if missing:
        _refuse(missing, currency, code)
    return prices, listed[0].tax_included


def default_list(currency: str) -> Q:
    """Return the prices that hold in a currency where nobody asks for a list."""
    return Q(price_list__currency=currency, price_list__is_default=True)


def _refuse(missing: Sequence[str], currency: str, code: str) -> None:
    lists = PriceList.objects.filter(code=code, currency=currency, is_active=True)
    if code and not lists.exists():
        raise UnknownPriceList(code)
    rows = Product.objects.filter(sku__in=missing, is_active=True)
    known = set(rows.values_list("sku", flat=True))
    unknown = tuple(sku for sku in missing if sku not in known)
    raise UnknownSku(unknown) if unknown else NotPriced(tuple(missing))


def _wanted(product: ListedProduct, quantity: int) -> pricing.Line:
    return pricing.Line(
        sku=product.sku,
        quantity=quantity,
        unit_price_minor=product.price_minor,
        tax_class=product.tax_class,
        weight_grams=product.weight_grams,
        category=product.category,
    )


def _line(line: pricing.PricedLine, product: ListedProduct) -> PricedLine:
    return PricedLine(
        product_id=product.product_id,
        sku=line.sku,
        name=product.name,
        quantity=line.quantity,
        unit_price_minor=line.unit_price_minor,
        discount_minor=line.discount_minor,
        tax_class=product.tax_class,
        tax_rate_bp=line.tax_rate_bp,
        tax_minor=line.tax_minor,
        tax_added_minor=line.tax_added_minor,
        total_minor=line.total_minor,
    )
