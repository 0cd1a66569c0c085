"""What pricing is told: lines, taxes, ways to ship, discounts. Amounts are in minor units, rates
in basis points, weights in grams."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class DiscountKind(StrEnum):
    PERCENT = "percent"
    AMOUNT = "amount"
    FREE_SHIPPING = "free_shipping"


class DiscountSource(StrEnum):
    PROMOTION = "promotion"
    VOUCHER = "voucher"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """So many units of one SKU, at least one, at the list's price."""

    sku: str
    quantity: int
    unit_price_minor: int
    tax_class: str
    weight_grams: int = 0
    category: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What a way to ship costs a parcel of some weight with goods of some value.

    Bounds below are included, bounds above are not; None: there is none.
    """

    amount_minor: int
    weight_from_grams: int = 0
    weight_below_grams: int | None = None
    value_from_minor: int = 0
    value_below_minor: int | None = None
    free_from_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """A promotion or a voucher. `sku` and `category` narrow it to goods; empty: all of them.

    `value` is basis points of a percentage, minor units of an amount, and unread of free shipping.
    """

    source: DiscountSource
    kind: DiscountKind
    name: str
    value: int = 0
    code: str = ""
    minimum_minor: int = 0
    priority: int = 0
    sku: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be priced. Without `tax_included` the prices, and that of shipping, are net.

    A tax class that `tax_rates` does not name is not taxed. `step_minor` is the smallest amount
    that can be charged: what is asked for is always a multiple of it, if the prices are.
    """

    lines: tuple[Line, ...]
    tax_rates: Mapping[str, int]
    tax_included: bool
    shipping: tuple[Rate, ...] = ()
    promotions: tuple[Discount, ...] = ()
    voucher: Discount | None = None
    step_minor: int = 1
