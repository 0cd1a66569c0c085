"""What a basket would cost as it stands, before the customer has said everything."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from orders.queries.baskets import Contents
from orders.queries.discounts import VoucherRefused
from orders.queries.pricing import (
    NothingToPay,
    NotPriced,
    Quote,
    TotalTooLarge,
    UnknownShippingMethod,
    UnknownSku,
    quote,
)

FREE_ORDER = (
    "Nothing is left to pay, or less than a card can be charged: add something, or remove the "
    "voucher."
)
TOO_LARGE = "We cannot take an order of this size here. Please order less."


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """`quote` is None where something in the basket cannot be priced. `problem` says in words why
    the basket cannot be ordered as it is, and `is_voucher_wrong` that its voucher is to blame;
    then the quote is the one without it."""

    quote: Quote | None = None
    problem: str = ""
    is_voucher_wrong: bool = False


def estimate(*, basket: Contents, method: str, voucher: str, now: datetime) -> Estimate:
    """Price a basket with a voucher's code, or none, for where its customer said, or for home."""
    if not basket.items or not all(item.is_for_sale for item in basket.items):
        return Estimate()
    try:
        return Estimate(quote=quote_basket(basket=basket, method=method, voucher=voucher, now=now))
    except (VoucherRefused, NothingToPay) as error:
        if not voucher:
            return Estimate(problem=FREE_ORDER)
        problem = str(error) if isinstance(error, VoucherRefused) else FREE_ORDER
        without = estimate(basket=basket, method=method, voucher="", now=now)
        return Estimate(quote=without.quote, problem=problem, is_voucher_wrong=True)
    except TotalTooLarge:
        return Estimate(problem=TOO_LARGE)
    except (UnknownSku, NotPriced, UnknownShippingMethod):
        return Estimate()


def quote_basket(*, basket: Contents, method: str, voucher: str, now: datetime) -> Quote:
    """Return what a basket costs. Raises what `quote` does."""
    address = basket.details.get("delivery", {})
    return quote(
        quantities={item.sku: item.quantity for item in basket.items},
        currency=basket.currency,
        country=address.get("country", settings.SHOP_COUNTRY),
        region=address.get("region", ""),
        shipping_method=method,
        voucher=voucher,
        email=basket.details.get("contact", {}).get("email", ""),
        now=now,
    )
