"""What pricing tells: every amount of an order, in minor units, ready to be frozen."""

from dataclasses import dataclass

from orders.pricing.terms import DiscountSource


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedLine:
    """total = quantity x unit price - discount + tax added. `tax_minor` is the part of the total
    that is tax; of net prices `tax_added_minor` is the same, else 0."""

    sku: str
    quantity: int
    unit_price_minor: int
    discount_minor: int
    tax_rate_bp: int
    tax_minor: int
    tax_added_minor: int
    total_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What one promotion or voucher took off."""

    source: DiscountSource
    name: str
    code: str
    amount_minor: int
    on_shipping: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """An order's amounts, its lines by SKU, its discounts as they were applied.

    total = subtotal + shipping - discount + tax added; `discount_minor` holds that of shipping,
    `tax_minor` and `tax_added_minor` that of shipping too.
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
